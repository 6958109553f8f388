/** The node's hybrid logical clock: every delta made here is later than all before it, and than all that came from elsewhere. */
import { ntp64AtLeast, tick, type Hlc } from "../dag/hlc.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

export interface HybridClock {
  /** `ns`: and not before this. */
  next(ns?: bigint): Hlc;
  /** A stamp was seen: nothing given from now on is earlier. */
  observe(stamp: Hlc): void;
}

/** `node`: 128 bits that name this node among all that stamp. */
export function hybridClock(clock: Clock, node: bigint): HybridClock {
  let last: Hlc = { time: 0n, node };
  return {
    next(ns = 0n) {
      last = tick(last, BigInt(Math.trunc(clock.now())) * 1_000_000n);
      const least = ntp64AtLeast(ns);
      if (least > last.time) last = { time: least, node };
      return last;
    },
    observe(stamp) {
      if (stamp.time > last.time) last = { time: stamp.time, node };
    },
  };
}
