/** One alarm per key on a clock that was handed in: asking for an earlier one moves it, for a later one does nothing. */
import { milliseconds, since, type Timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

export interface Alarms<Key> {
  /** Rings at `at` or sooner: longer waits are taken in pieces, since the system's timers end at 24 days. */
  set(key: Key, at: Timestamp): void;
  clear(): void;
}

const LONGEST = milliseconds(3_600_000);

export function createAlarms<Key>(clock: Clock, ring: (key: Key) => void): Alarms<Key> {
  const alarms = new Map<Key, { readonly at: Timestamp; readonly abort: AbortController }>();
  return {
    set: (key, at) => {
      const before = alarms.get(key);
      if (before !== undefined && before.at <= at) return;
      before?.abort.abort();
      const alarm = { at, abort: new AbortController() };
      alarms.set(key, alarm);
      clock.sleep(milliseconds(Math.min(LONGEST, Math.max(0, since(at, clock.now())))), alarm.abort.signal).then(
        () => {
          if (alarms.get(key) !== alarm) return;
          alarms.delete(key);
          ring(key);
        },
        () => undefined,
      );
    },
    clear: () => {
      for (const { abort } of alarms.values()) abort.abort();
      alarms.clear();
    },
  };
}
