/** The beat of a processor: one step after another, each given time to finish, none begun once it has to stop. */
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";

/** Steps are an interval apart from start to start; a step that takes longer is followed at once by one, not by many. */
export async function* iterations(interval: DurationMs, stop: AbortSignal): AsyncGenerator<number> {
  let due = systemClock.monotonic();
  for (let step = 0; !stop.aborted; step++) {
    yield step;
    due = Math.max(due + interval, systemClock.monotonic());
    // Only the signal ends a sleep early, and the loop's condition sees it.
    await systemClock.sleep(milliseconds(due - systemClock.monotonic()), stop).catch(() => undefined);
  }
}
