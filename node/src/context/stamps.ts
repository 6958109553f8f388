/** The node's time for guests: nanoseconds that never go back, also over a restart within the clock's own precision. */
import type { Clock } from "@shoal/shared/ports/clock.ts";

export interface Stamps {
  /** Nanoseconds since the epoch, later than every one given before by at least a microsecond. */
  next(): bigint;
  /** No stamp at or before `ns` is given from now on: a run has used times up to it. */
  atLeast(ns: bigint): void;
}

const MICROSECOND = 1000n;

/** `floor`: the latest stamp that the store knows of, so that a clock that was set back cannot repeat one. */
export function createStamps(clock: Clock, floor = 0n): Stamps {
  let last = floor;
  return {
    next() {
      const now = BigInt(Math.trunc(clock.now())) * 1_000_000n;
      last = now > last + MICROSECOND ? now : last + MICROSECOND;
      return last;
    },
    atLeast(ns) {
      if (ns > last) last = ns;
    },
  };
}
