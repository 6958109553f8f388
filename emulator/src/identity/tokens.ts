/** Tokens that the provider signs: id tokens of users, and those by which the platform's services tell who they are. */
import { SignJWT, type JWTPayload } from "jose";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { SigningKey } from "./keys.ts";

export interface IdentityUser {
  readonly email: string;
  readonly name: string;
  /** `sub`; the address where it is not given. */
  readonly subject?: string;
  /** `true` unless said otherwise. */
  readonly emailVerified?: boolean;
}

export interface Tokens {
  /** `audience` is the client's id. */
  idToken(user: IdentityUser, audience: string, nonce?: string): Promise<string>;
  accessToken(user: IdentityUser): Promise<string>;
  /** As Google signs for a service account: what Cloud Tasks and Cloud Scheduler put into `Authorization`. */
  serviceToken(claims: { readonly email: string; readonly audience: string }): Promise<string>;
}

export const TOKEN_SECONDS = 3600;
/** A service's token is signed once and sent many times. */
const REUSE_MS = 1_800_000;
const MOST_REUSED = 500;

export const subjectOf = (user: IdentityUser): string => user.subject ?? user.email;

export function claimsOf(user: IdentityUser): JWTPayload {
  return { sub: subjectOf(user), email: user.email, email_verified: user.emailVerified ?? true, name: user.name };
}

export function createTokens(init: { key: SigningKey; issuer: string; clock: Pick<Clock, "now"> }): Tokens {
  const { key, issuer, clock } = init;
  const sign = (claims: JWTPayload, audience: string): Promise<string> => {
    const now = Math.floor(clock.now() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: key.kid, typ: "JWT" })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(now)
      .setExpirationTime(now + TOKEN_SECONDS)
      .sign(key.privateKey);
  };
  const signed = new Map<string, { readonly until: number; readonly token: Promise<string> }>();
  return {
    idToken: (user, audience, nonce) =>
      sign({ ...claimsOf(user), azp: audience, ...(nonce === undefined ? {} : { nonce }) }, audience),
    accessToken: (user) => sign({ sub: subjectOf(user), scope: "openid email profile" }, `${issuer}/userinfo`),
    serviceToken: ({ email, audience }) => {
      const name = `${email} ${audience}`;
      const known = signed.get(name);
      if (known !== undefined && known.until > clock.now()) return known.token;
      if (signed.size >= MOST_REUSED) signed.clear();
      const token = sign({ sub: email, azp: email, email, email_verified: true }, audience);
      signed.set(name, { until: clock.now() + REUSE_MS, token });
      return token;
    },
  };
}
