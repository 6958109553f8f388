/**
 * Signing in to a node, and staying signed in: expired tokens are exchanged once, whoever of those who share them notices it
 * first, in this program or in another (`tokens.ts`).
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import type { Fetch } from "../types.ts";
import { tokensOf, type NodeTokens, type TokenStore } from "./tokens.ts";
import { isUnspent, jsonOf, NodeAuthError, request } from "./wire.ts";

export interface NodeSession {
  /** Runs `work`, and again with fresh tokens where the node says that they expired. `work` has to be repeatable. */
  signedIn<T>(work: (token: string | undefined) => Promise<T>): Promise<T>;
  login(username: string, password: string, clientName: string): Promise<NodeTokens>;
}

export interface SessionOptions {
  readonly fetch: Fetch;
  readonly base: string;
  readonly tokens: NodeTokens | undefined;
  readonly store: TokenStore;
  readonly now: () => number;
}

/** The first renewal may find tokens that another program got, and that have expired by now as well. */
const RENEWALS = 2;
/** Others wait for an exchange: a node that does not answer must not hold them forever. */
const EXCHANGE_WITHIN = seconds(30);

export function createSession(options: SessionOptions): NodeSession {
  const { store } = options;
  let tokens = options.tokens;
  let renewing: Promise<void> | undefined;

  const renew = async (used: NodeTokens): Promise<void> => {
    tokens = await store.update(async (kept, keep) => {
      if (kept === undefined)
        throw new ShoalError("unauthenticated", "the sign-in has expired, and was given up or cut off meanwhile");
      if (kept.accessToken !== used.accessToken) return kept;
      // From here on nobody can tell whether the refresh token is spent, and trying it out would end every sign-in of the
      // key if it is: whatever ends this in the middle leaves a sign-out, and no token.
      await keep(undefined);
      try {
        return await exchange(options, kept);
      } catch (thrown) {
        if (isUnspent(thrown)) await keep(kept);
        throw thrown;
      }
    });
  };

  return {
    async signedIn(work) {
      for (let renewals = 0; ; renewals++) {
        const used = tokens;
        try {
          return await work(used?.accessToken);
        } catch (thrown) {
          if (used === undefined || !isExpiry(thrown) || renewals === RENEWALS) throw thrown;
          if (tokens === used) await (renewing ??= renew(used).finally(() => void (renewing = undefined)));
        }
      }
    },
    async login(username, password, clientName) {
      const fresh = await askTokens(options, "/auth/token", {
        auth_method: "user_password",
        public_key: username,
        client_name: clientName,
        timestamp: Math.floor(options.now() / 1000),
        permissions: [],
        provider_data: { username, password },
      });
      tokens = await store.update(async () => fresh);
      return tokens;
    },
  };
}

const isExpiry = (thrown: unknown): boolean => thrown instanceof NodeAuthError && thrown.authError === "token_expired";

/** Not ended by any caller's signal: an exchange that was begun has used up the refresh token. */
function exchange(options: SessionOptions, { accessToken, refreshToken }: NodeTokens): Promise<NodeTokens> {
  return askTokens(options, "/auth/refresh", { access_token: accessToken, refresh_token: refreshToken });
}

async function askTokens({ fetch, base }: SessionOptions, target: string, body: object): Promise<NodeTokens> {
  const signal = AbortSignal.timeout(EXCHANGE_WITHIN);
  const asked = { method: "POST", target, body: JSON.stringify(body), contentType: "application/json", signal };
  return tokensOf(await jsonOf(await request(fetch, base, asked)));
}
