/**
 * Sign-ins. A session is one chain of refresh tokens, of which only the last is good; whoever shows an earlier one proves
 * that two hold the same token, and every session of the key ends. Callers take turns: nothing here is done twice at once.
 */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Row } from "../storage/store.ts";
import { AuthRefusal } from "./failure.ts";
import { intersection, keptPermissions, textOf } from "./permissions.ts";
import type { AuthKey, Records, Session } from "./records.ts";
import type { Secrets } from "./secrets.ts";
import type { AuthSettings } from "./settings.ts";
import { createSweep, crowdedOut } from "./sweep.ts";
import type { Claims, Lifetimes, TokenPair, Tokens } from "./tokens.ts";
import { isValid, permissionsOf, type Verifier } from "./verifier.ts";

export interface OpenOptions {
  /** Less than the key has. */
  readonly permissions?: readonly string[] | undefined;
  readonly nodeUrl?: string | undefined;
  readonly lifetimes?: Lifetimes;
  /** Written in the same step. */
  readonly with?: readonly Row[];
}

export interface Sessions {
  open(key: AuthKey, options?: OpenOptions): Promise<TokenPair>;
  /** Throws `token_reuse` where the refresh token was used before, and ends every session of its key. */
  refuseReuse(claims: Claims): Promise<void>;
  /** The next pair for a refresh token that was verified as text; throws `token_revoked` where it is not the good one. */
  renew(claims: Claims): Promise<TokenPair>;
  /** Rows that end every session of the key. */
  end(key: Pick<AuthKey, "family">): Promise<readonly Row[]>;
}

export interface SessionsInit {
  readonly records: Records;
  readonly secrets: Secrets;
  readonly tokens: Tokens;
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly settings: Pick<AuthSettings, "refreshTokenExpiry">;
}

export function createSessions(init: SessionsInit): Sessions {
  const { records, secrets, tokens, verifier, clock, log, settings } = init;
  const hex = (bytes: number): string => Buffer.from(init.random.bytes(bytes)).toString("hex");
  const sweep = createSweep(records, clock, settings.refreshTokenExpiry);

  const sign = (key: AuthKey, session: Session, lifetimes?: Lifetimes): Promise<TokenPair> => {
    const allowed = permissionsOf(records, key);
    const asked = session.permissions === undefined ? allowed : keptPermissions(session.permissions);
    return tokens.sign(session, intersection(asked, allowed).map(textOf), lifetimes);
  };
  const expiry = (seconds?: number): number =>
    clock.now() + (seconds === undefined ? settings.refreshTokenExpiry : seconds * 1000);
  const end = async ({ family }: Pick<AuthKey, "family">): Promise<readonly Row[]> =>
    (await records.sessions(family)).map((session) => records.drop.session(session));

  return {
    async open(key, { permissions, nodeUrl, lifetimes, with: rows = [] } = {}) {
      await secrets.rotateIfDue();
      const session: Session = {
        id: hex(8),
        family: key.family,
        keyId: key.id,
        turn: 0,
        ...(permissions === undefined ? {} : { permissions }),
        ...(nodeUrl === undefined ? {} : { nodeUrl }),
        expiresAtMs: expiry(lifetimes?.refresh),
      };
      await records.write([
        ...(await sweep()),
        ...(await crowdedOut(records, key)),
        ...rows,
        records.put.session(session),
      ]);
      verifier.forget();
      return sign(key, session, lifetimes);
    },

    async refuseReuse(claims) {
      const session = records.session(claims.family, claims.sessionId);
      if (session === undefined || claims.turn >= session.turn) return;
      await records.write(await end(session));
      verifier.forget();
      log.warn({ key: session.keyId }, "a refresh token was shown twice: every sign-in of its key has ended");
      throw new AuthRefusal("token_reuse", "the refresh token was used before; sign in again");
    },

    async renew(claims) {
      const session = records.session(claims.family, claims.sessionId);
      const key = verifier.standing(claims);
      if (session === undefined || session.turn !== claims.turn || !isValid(records, key))
        throw new AuthRefusal("token_revoked", "the token was revoked");
      await secrets.rotateIfDue();
      const next = key.kind === "client" ? { ...key, id: hex(16) } : key;
      const renewed = { ...session, keyId: next.id, turn: session.turn + 1, expiresAtMs: expiry() };
      const rotation = next === key ? [] : [records.drop.key(key.id), records.put.key(next)];
      await records.write([...rotation, records.put.session(renewed)]);
      verifier.forget();
      return sign(next, renewed);
    },

    end,
  };
}
