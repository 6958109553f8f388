/**
 * An OpenID Connect provider on a loopback port, whose tokens verify like anyone's: it stands in for the organisation's
 * sign-in and for Google's signing of service accounts. Its users are a list, and nobody has a password.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { createGrants } from "./grants.ts";
import { createProviderServer, type IdentityClient, type Provider } from "./http.ts";
import { keptSigningKey } from "./keys.ts";
import { createTokens, type IdentityUser, type Tokens } from "./tokens.ts";

export interface IdentityOptions {
  /** Where the signing key is kept. */
  readonly dataDir: string;
  /** 0 picks a free one; the issuer holds the port, so choose one for what is to outlive a restart. */
  readonly port: number;
  readonly log: Log;
  readonly clock: Pick<Clock, "now">;
  readonly clients: readonly IdentityClient[];
  readonly users: readonly IdentityUser[];
}

export interface IdentityServer {
  readonly port: number;
  /** `http://127.0.0.1:PORT`; keys are at `/jwks`, discovery at `/.well-known/openid-configuration`. */
  readonly issuer: string;
  /** For Cloud Tasks and Cloud Scheduler. */
  readonly signServiceToken: Tokens["serviceToken"];
  /** A user's id token without a browser, for tests and seeds. */
  signIdToken(email: string, audience: string, nonce?: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startIdentity(options: IdentityOptions): Promise<IdentityServer> {
  const key = await keptSigningKey(options.dataDir);
  const server = createProviderServer(() => provider);
  server.listen(options.port, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  const tokens = createTokens({ key, issuer, clock: options.clock });
  const { clients, users, log } = options;
  const provider: Provider = { issuer, key, tokens, grants: createGrants(options.clock), clients, users, log };
  return {
    port,
    issuer,
    signServiceToken: (claims) => tokens.serviceToken(claims),
    signIdToken: async (email, audience, nonce) => {
      const user = users.find((each) => each.email === email);
      if (user === undefined) throw new Error(`no local user has the address ${email}`);
      return tokens.idToken(user, audience, nonce);
    },
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export type { IdentityClient, IdentityUser };
