/** A node's own time: the world's, wrong by a skew, and waiting for nothing once the node is gone. */
import { timestamp, type DurationMs } from "@shoal/shared/base/time.ts";
import type { AbortSignalLike, Clock } from "@shoal/shared/ports/clock.ts";
import { EPOCH, type World } from "./world.ts";

/** What ends with a node's process: whatever it waited for never comes. */
export interface Life {
  readonly name: string;
  alive: boolean;
}

/** `skew`: milliseconds that its wall clock is wrong by, now. */
export function createNodeClock(world: World, life: Life, skew: () => number): Clock {
  return {
    now: () => timestamp(Math.floor(EPOCH + world.now + skew())),
    monotonic: () => world.now,
    sleep: (span: DurationMs, signal?: AbortSignalLike) => sleep(world, life, span, signal),
  };
}

function sleep(world: World, life: Life, span: DurationMs, signal: AbortSignalLike | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const reasonOf = (): Error => (signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
    if (signal?.aborted === true) {
      reject(reasonOf());
      return;
    }
    const abort = (): void => {
      scheduled.cancel();
      reject(reasonOf());
    };
    const scheduled = world.after(span, `${life.name} wakes`, () => {
      signal?.removeEventListener("abort", abort);
      if (life.alive) resolve();
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}
