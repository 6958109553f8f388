/** A clock that moves when it is told to; everything that a step wakes has run before the next step. */
import { setImmediate } from "node:timers/promises";
import { milliseconds, plus, timestamp, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import type { AbortSignalLike, Clock } from "@shoal/shared/ports/clock.ts";

export interface VirtualClock extends Clock {
  advance(span: DurationMs): Promise<void>;
}

interface Sleeper {
  readonly at: Timestamp;
  readonly wake: () => void;
}

export function createVirtualClock(start = timestamp(1_800_000_000_000)): VirtualClock {
  let now = start;
  const sleepers = new Set<Sleeper>();
  return {
    now: () => now,
    monotonic: () => now,
    sleep: (span: DurationMs, signal?: AbortSignalLike) =>
      new Promise((resolve, reject) => {
        const sleeper = { at: plus(now, span), wake: resolve };
        const abort = (): void => {
          sleepers.delete(sleeper);
          reject(new Error("aborted"));
        };
        if (signal?.aborted === true) return abort();
        sleepers.add(sleeper);
        signal?.addEventListener("abort", abort, { once: true });
      }),
    advance: async (span) => {
      const end = plus(now, span);
      await setImmediate();
      for (;;) {
        const next = [...sleepers].filter((each) => each.at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        now = timestamp(Math.max(now, next.at));
        sleepers.delete(next);
        next.wake();
        await setImmediate();
      }
      now = end;
      await setImmediate();
    },
  };
}

export const ms = milliseconds;
