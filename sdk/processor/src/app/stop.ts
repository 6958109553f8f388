/**
 * From ready to gone: not ready, intake closed, the step in hand finished, the output drained, the state saved. Each step has
 * a part of the shutdown time-out; one that fails or takes too long does not keep the later ones from being tried, since the
 * save is the one that matters most and comes last.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Parts } from "./parts.ts";
import { within } from "./within.ts";

/** Parts of the shutdown time-out; the rest is the save's. */
const SHARE = { finish: 0.4, hook: 0.15, drain: 0.15 } as const;

/** Returns whether all that was to be kept is kept. `running` is the promise of `run`, if it was called. */
export async function stop(parts: Parts, running: Promise<void> | undefined): Promise<boolean> {
  const { config, desk, intake, keeper, life, output, processor, log } = parts;
  const whole = config.limits.shutdown;
  const until = parts.clock.monotonic() + whole;
  const part = (share: number): DurationMs => milliseconds(whole * share);
  const attempt = async (what: string, limit: DurationMs, work: () => Promise<unknown>): Promise<boolean> => {
    try {
      await within(limit, what, work);
      return true;
    } catch (thrown) {
      log.error({ error: messageOf(thrown) }, `${what} failed`);
      return false;
    }
  };
  const wasRunning = life.state === "RUNNING";
  life.move("SHUTTING_DOWN");
  const closed = intake.close();
  parts.migrationImminent.abort();
  parts.shutdown.abort();
  await attempt("finishing the work in hand", part(SHARE.finish), () => Promise.all([closed, running]));
  if (!wasRunning) return true;
  await attempt("the shutdown hook", part(SHARE.hook), async () => processor.shutdown());
  await attempt("draining the output", part(SHARE.drain), async () => {
    const left = await output.drain(part(SHARE.drain));
    if (left > 0) throw new ShoalError("deadline_exceeded", `${left} events are unconfirmed and stay in the state`);
  });
  // What is kept is the successor's now, its counters included.
  if (parts.fence.role === "STANDBY") return true;
  const rest = milliseconds(Math.max(0, until - parts.clock.monotonic()));
  const saved = await attempt("the last save", rest, () => desk.save());
  // Only a stop that kept everything is a good end; any other leaves the start counted as one that died.
  return saved && (await attempt("clearing the restart counters", rest, () => keeper.forgetRestarts()));
}
