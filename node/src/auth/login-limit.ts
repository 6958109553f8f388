/**
 * How often one address may fail to log in. An attempt counts until it is known to have succeeded, so that a hundred guesses
 * at once are as bounded as a hundred one after the other.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { AUTH_LIMITS } from "./settings.ts";

export interface LoginLimit {
  /** Throws `rate_limited` with the seconds to wait; else returns what takes the attempt back. */
  take(address: string): () => void;
}

export function createLoginLimit(
  clock: Pick<Clock, "monotonic">,
  most: number = AUTH_LIMITS.loginAddresses,
): LoginLimit {
  const attempts = new Map<string, readonly number[]>();
  return {
    take(address) {
      const now = clock.monotonic();
      const recent = (attempts.get(address) ?? []).filter((at) => now - at < AUTH_LIMITS.loginWindow);
      const [oldest] = recent;
      if (oldest !== undefined && recent.length >= AUTH_LIMITS.loginFailures) {
        const retryAfterSeconds = Math.ceil((oldest + AUTH_LIMITS.loginWindow - now) / 1000);
        throw new ShoalError("rate_limited", "too many failed logins from this address", { retryAfterSeconds });
      }
      attempts.delete(address);
      attempts.set(address, [...recent, now]);
      const quietest = attempts.keys().next();
      if (attempts.size > most && quietest.done !== true) attempts.delete(quietest.value);
      return () => {
        const left = [...(attempts.get(address) ?? [])];
        const mine = left.indexOf(now);
        if (mine >= 0) left.splice(mine, 1);
        if (left.length === 0) attempts.delete(address);
        else attempts.set(address, left);
      };
    },
  };
}
