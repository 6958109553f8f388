/**
 * From nothing to ready: probe the kept state, decide, `startup`, connect the output, load the state. An outage of the
 * backend or the bus is waited for and is never taken for a missing or a broken state.
 */
import { backoffDelay, type Backoff } from "@shoal/shared/base/backoff.ts";
import { isRetryable, messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import { decideRecovery, type Recovery } from "../recovery/decide.ts";
import { afterStart, isAlert } from "../recovery/history.ts";
import type { KeptState } from "../state/keeper.ts";
import type { Parts } from "./parts.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { within } from "./within.ts";

const OUTAGE: Backoff = { base: seconds(0.5), factor: 2, cap: seconds(30) };

/** Resolves `false` where the processor must not run: it was told to stop, or a later activation exists. */
export async function start(parts: Parts): Promise<boolean> {
  const { config, life, fence, log, output, processor, shutdown } = parts;
  life.move("STARTING");
  const kept = await persist(parts, "reading the state", () => parts.keeper.probe());
  if (kept === undefined) return false;
  const recovery = await recover(parts, kept);
  if (recovery === undefined) return false;
  log.info({ start: recovery.start, because: recovery.because, restarts: parts.counters.restarts }, "starting");
  if (recovery.start === "superseded") {
    fence.fence(recovery.because);
    return false;
  }
  await parts.clock.sleep(recovery.wait, shutdown.signal).catch(() => undefined);
  if (shutdown.signal.aborted) return false;
  await within(config.limits.startup, "startup", () => processor.startup());
  const connected = await persist(parts, "connecting the output", async () => {
    await output.connect();
    return true;
  });
  if (connected !== true || shutdown.signal.aborted) return false;
  await loadState(parts, recovery, kept);
  return !shutdown.signal.aborted && life.move("RUNNING");
}

/** Counts this start, asks the processor where it died often, and decides. `undefined` where it was told to stop. */
async function recover(parts: Parts, kept: KeptState): Promise<Recovery | undefined> {
  const { config, counters, keeper, log, processor } = parts;
  const history = await persist(parts, "reading the restart counters", async () =>
    afterStart(await keeper.restarts(), parts.clock.now()),
  );
  if (history === undefined) return undefined;
  const { restarts } = history;
  counters.restarts = restarts;
  const { alertAt, goldenAt, backoff } = config.restarts;
  if (isAlert(restarts, alertAt)) log.error({ restarts }, "the processor dies again and again");
  const goldenAllowed = restarts < Math.min(alertAt, goldenAt) || (await processor.onRapidRestartDetected(restarts));
  const recovery = decideRecovery({
    kept: kept.kind,
    keptEpoch: kept.kind === "readable" ? kept.body.epoch : 0,
    ownEpoch: config.identity.epoch,
    migrating: config.identity.migrating,
    restarts,
    goldenAt,
    backoff,
    goldenAllowed,
  });
  // The counters of a later activation are not ours to change.
  if (recovery.start === "superseded") return recovery;
  const counted = await persist(parts, "counting the start", async () => {
    await keeper.keepRestarts(history);
    return true;
  });
  return counted === true ? recovery : undefined;
}

async function loadState(parts: Parts, recovery: Recovery, kept: KeptState): Promise<void> {
  const { desk, log, processor } = parts;
  const sequence = kept.kind === "readable" ? kept.body.sequence : 0;
  if (recovery.start === "restore" && kept.kind === "readable") {
    try {
      await desk.load(kept.body);
      return;
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown));
      log.error({ error: error.message }, "the state could not be restored");
      if (!(await processor.onStateRestoreFailed(error))) throw thrown;
    }
    await desk.reset("FULL");
  } else if (recovery.start === "golden") {
    await desk.reset("FULL");
  }
  desk.begin({ sequence });
}

/** Tries again while the other side is out, until it works or the processor has to stop; any other error is thrown. */
async function persist<T>(parts: Parts, what: string, work: () => Promise<T>): Promise<T | undefined> {
  const { clock, log, shutdown } = parts;
  for (let attempt = 1; !shutdown.signal.aborted; attempt++) {
    try {
      return await work();
    } catch (thrown) {
      const refusal = thrown instanceof ShoalError && !isRetryable(thrown.code);
      if (refusal) throw thrown;
      log.warn({ attempt, error: messageOf(thrown) }, `${what} failed; trying again`);
      await clock.sleep(backoffDelay(OUTAGE, attempt, systemRandom), shutdown.signal).catch(() => undefined);
    }
  }
  return undefined;
}
