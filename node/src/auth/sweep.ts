/** What has to go for the column not to grow: told as rows, written along with the next sign-in. */
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Row } from "../storage/store.ts";
import type { AuthKey, Records } from "./records.ts";
import { AUTH_LIMITS } from "./settings.ts";

/**
 * Once in a while, what can never be used again: expired sessions, client keys without one, and keys that were revoked so
 * long ago that no token of theirs is left.
 */
export function createSweep(
  records: Records,
  clock: Clock,
  refreshTokenExpiry: DurationMs,
): () => Promise<readonly Row[]> {
  let sweptAt: number | undefined;
  return async () => {
    const now = clock.now();
    if (sweptAt !== undefined && now - sweptAt < AUTH_LIMITS.sweepEvery) return [];
    sweptAt = now;
    const sessions = await records.sessions();
    const over = sessions.filter((session) => session.expiresAtMs + AUTH_LIMITS.leeway < now);
    const alive = new Set(sessions.filter((session) => !over.includes(session)).map(({ family }) => family));
    const dead = (await records.keys()).filter(({ kind, family, revokedAtMs }) =>
      revokedAtMs === undefined
        ? kind === "client" && !alive.has(family)
        : revokedAtMs + refreshTokenExpiry + AUTH_LIMITS.leeway < now,
    );
    return [...over.map((session) => records.drop.session(session)), ...dead.map(({ id }) => records.drop.key(id))];
  };
}

/** Sessions of a key that have to end for one more to begin: those that would end first. */
export async function crowdedOut(records: Records, key: Pick<AuthKey, "family">): Promise<readonly Row[]> {
  const open = [...(await records.sessions(key.family))].sort((a, b) => a.expiresAtMs - b.expiresAtMs);
  const tooMany = Math.max(0, open.length + 1 - AUTH_LIMITS.sessionsPerKey);
  return open.slice(0, tooMany).map((session) => records.drop.session(session));
}
