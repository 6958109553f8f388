/** Wakes whoever waits for something to happen. Rings are numbered, so that one between looking and waiting is not missed. */
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

export interface Bell {
  /** Rings so far. */
  readonly rung: number;
  ring(): void;
  /** Resolves once there were more than `heard` rings, at the latest after `span`. */
  wait(heard: number, span: DurationMs): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  let rung = 0;
  let waiting: AbortController | undefined;
  return {
    get rung() {
      return rung;
    },
    ring: () => {
      rung += 1;
      waiting?.abort();
    },
    wait: async (heard, span) => {
      if (rung > heard) return;
      waiting = new AbortController();
      await clock.sleep(span, waiting.signal).catch(() => undefined);
      waiting = undefined;
    },
  };
}
