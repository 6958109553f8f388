/**
 * Tokens as text: JWTs signed with HS256 and nothing else. `jti` says which session, which turn and which type; reading one
 * checks everything that the text alone can tell. Whether session and key still stand is for `verifier.ts`.
 */
import { errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { AuthRefusal } from "./failure.ts";
import type { Session } from "./records.ts";
import type { Secrets } from "./secrets.ts";
import { AUTH_LIMITS, type AuthSettings } from "./settings.ts";

export type TokenType = "access" | "refresh";

const wholeSeconds = z.number().int().nonnegative();
const claimsSchema = z.object({
  sub: z.string().min(1),
  exp: wholeSeconds,
  iat: wholeSeconds,
  jti: z.string(),
  permissions: z.array(z.string()),
  node_url: z.string().optional(),
  token_type: z.enum(["access", "refresh"]),
});

export interface Claims {
  readonly keyId: string;
  readonly family: string;
  readonly sessionId: string;
  readonly turn: number;
  readonly permissions: readonly string[];
  readonly nodeUrl: string | undefined;
  readonly expiresAtMs: number;
  readonly expired: boolean;
}

export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Other lifetimes than the configured ones, in seconds: for mock tokens. */
export interface Lifetimes {
  readonly access?: number | undefined;
  readonly refresh?: number | undefined;
}

export interface Tokens {
  /** Both tokens of the session's present turn. */
  sign(session: Session, permissions: readonly string[], lifetimes?: Lifetimes): Promise<TokenPair>;
  /**
   * Throws an `AuthRefusal`: `invalid_token`, or `token_expired` unless `mayBeExpired`. An expired one is told by `expired`,
   * which knows no leeway: a client that refreshes by its own clock is not sent away for a minute.
   */
  read(token: string, type: TokenType, options?: { readonly mayBeExpired?: boolean }): Promise<Claims>;
}

export function createTokens(init: {
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly settings: Pick<AuthSettings, "issuer" | "accessTokenExpiry" | "refreshTokenExpiry">;
}): Tokens {
  const { secrets, clock, settings } = init;

  const signOne = (
    session: Session,
    type: TokenType,
    permissions: readonly string[],
    seconds: number,
  ): Promise<string> => {
    const { kid, key } = secrets.current();
    const now = Math.floor(clock.now() / 1000);
    return new SignJWT({
      permissions,
      ...(session.nodeUrl === undefined ? {} : { node_url: session.nodeUrl }),
      token_type: type,
    })
      .setProtectedHeader({ alg: "HS256", typ: "JWT", kid })
      .setSubject(session.keyId)
      .setIssuer(settings.issuer)
      .setAudience(settings.issuer)
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .setJti(`${session.family}.${session.id}.${session.turn}.${type}`)
      .sign(key);
  };

  return {
    async sign(session, permissions, lifetimes = {}) {
      const { access = settings.accessTokenExpiry / 1000, refresh = settings.refreshTokenExpiry / 1000 } = lifetimes;
      return {
        accessToken: await signOne(session, "access", permissions, access),
        refreshToken: await signOne(session, "refresh", permissions, refresh),
      };
    },

    async read(token, type, { mayBeExpired = false } = {}) {
      if (token.length > AUTH_LIMITS.tokenLength) throw new AuthRefusal("invalid_token", "the token is too long");
      const payload = await payloadOf(token, { secrets, issuer: settings.issuer, now: clock.now(), mayBeExpired });
      const claims = claimsSchema.safeParse(payload);
      if (!claims.success) throw new AuthRefusal("invalid_token", "the token lacks claims");
      const { sub, exp, iat, jti, permissions, node_url: nodeUrl, token_type: found } = claims.data;
      if (found !== type) throw new AuthRefusal("invalid_token", `expected a token of type ${type}`);
      if (iat * 1000 > clock.now() + AUTH_LIMITS.leeway)
        throw new AuthRefusal("invalid_token", "the token is of the future");
      const [, family, sessionId, turn] =
        /^([0-9a-f]{32})\.([0-9a-f]{16})\.(\d{1,15})\.(?:access|refresh)$/.exec(jti) ?? [];
      if (family === undefined || sessionId === undefined)
        throw new AuthRefusal("invalid_token", "the token's id is not ours");
      const expiresAtMs = exp * 1000;
      const expired = expiresAtMs <= clock.now();
      return { keyId: sub, family, sessionId, turn: Number(turn), permissions, nodeUrl, expiresAtMs, expired };
    },
  };
}

async function payloadOf(
  token: string,
  context: { readonly secrets: Secrets; readonly issuer: string; readonly now: number; readonly mayBeExpired: boolean },
): Promise<unknown> {
  const { secrets, issuer, now, mayBeExpired } = context;
  try {
    const verified = await jwtVerify(
      token,
      ({ kid }) => {
        const key = kid === undefined ? undefined : secrets.find(kid);
        if (key === undefined) throw new errors.JWSSignatureVerificationFailed("no such key");
        return key;
      },
      {
        algorithms: ["HS256"],
        issuer,
        audience: issuer,
        clockTolerance: AUTH_LIMITS.leeway / 1000,
        currentDate: new Date(now),
        requiredClaims: ["exp", "iat", "sub", "jti"],
      },
    );
    return verified.payload;
  } catch (cause) {
    // The expiry is looked at last: everything else about such a token is right.
    if (!(cause instanceof errors.JWTExpired))
      throw new AuthRefusal("invalid_token", "the token is not valid", { cause });
    if (mayBeExpired) return cause.payload;
    throw new AuthRefusal("token_expired", "the token has expired", { cause });
  }
}
