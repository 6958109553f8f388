/**
 * Tokens that were verified a moment ago: checking a signature costs more than the rest of a short request. Any change of
 * keys or sessions empties it, and a verification that began before such a change is not put in after it.
 */
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { AUTH_LIMITS } from "./settings.ts";

export interface TokenCache<T> {
  get(token: string): T | undefined;
  /** What to hand to `put`: begin before anything is read. */
  begin(): number;
  put(token: string, value: T, begun: number): void;
  clear(): void;
  readonly size: number;
}

export function createTokenCache<T>(
  clock: Pick<Clock, "monotonic">,
  most: number = AUTH_LIMITS.cachedTokens,
): TokenCache<T> {
  // In memory only, where the tokens have been already; so the token itself may be the key.
  const entries = new Map<string, { readonly value: T; readonly until: number }>();
  let changes = 0;
  return {
    get(token) {
      const entry = entries.get(token);
      if (entry === undefined) return undefined;
      if (clock.monotonic() < entry.until) return entry.value;
      entries.delete(token);
      return undefined;
    },
    begin: () => changes,
    put(token, value, begun) {
      if (begun !== changes) return;
      entries.delete(token);
      entries.set(token, { value, until: clock.monotonic() + AUTH_LIMITS.cacheTtl });
      const oldest = entries.keys().next();
      if (entries.size > most && oldest.done !== true) entries.delete(oldest.value);
    },
    clear() {
      changes += 1;
      entries.clear();
    },
    get size() {
      return entries.size;
    },
  };
}
