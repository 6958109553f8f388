/**
 * The dispatcher as a function sees it: a wake-up makes it work until nothing is due. While it works in this process, another
 * wake-up only knocks at it. What is due later is asked for from the queue, at its time; should that be lost, the sweep
 * finds it.
 */
import { contentHash } from "@shoal/shared/base/content-hash.ts";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import {
  milliseconds,
  plus,
  seconds,
  since,
  slotOf,
  timestamp,
  type DurationMs,
  type Timestamp,
} from "@shoal/shared/base/time.ts";
import type { AbortSignalLike, Clock } from "@shoal/shared/ports/clock.ts";
import type { Pods } from "@shoal/shared/ports/pods.ts";
import type { Queue } from "@shoal/shared/ports/queue.ts";
import type { Database } from "../store/database.ts";
import { PRODUCTION_EFFECTS } from "../store/tasks/effects/index.ts";
import { createEngine, type RunResult } from "./engine/engine.ts";
import type { EngineMetrics } from "./engine/ledger.ts";
import { createPlacer } from "./placer.ts";
import { PROCESSOR_TASK, processorHandler } from "./processor/handler.ts";

export interface DispatcherInit {
  /** A login that may become `shoal_worker`. */
  readonly database: Pick<Database, "asWorker" | "workerStatement">;
  readonly pods: Pods;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly imagePullSecret: string;
  /** Whose passes are woken after a change. */
  readonly clusterId: string;
  readonly metrics?: EngineMetrics;
}

export interface Dispatcher {
  /** What the run did; undefined where another run of this process was at it and has been told to look again. */
  wake(signal?: AbortSignalLike): Promise<RunResult | undefined>;
}

/** Well below the function's own limit, so that a run ends by itself. */
const RUN = seconds(240);
/** What is due so soon is waited for: starting pods are looked at every few hundred milliseconds. */
const LINGER = seconds(2);
const AFTER_CHANGE = seconds(5);
/** Running steps keep theirs; what a killed process held is free after this long. */
const LEASE = seconds(15);

export function createDispatcher(init: DispatcherInit): Dispatcher {
  const { database, pods, clock, queue, log } = init;
  const placer = createPlacer({ database, clock });
  const engine = createEngine({
    ...init,
    effects: PRODUCTION_EFFECTS,
    handlers: {
      [PROCESSOR_TASK]: processorHandler({ database, pods, placer, clock, log, imagePullSecret: init.imagePullSecret }),
    },
    batchSize: 100,
    concurrency: 100,
    leaseMs: LEASE,
  });
  let running = false;
  let again = false;
  const heardAgain = (): boolean => again; // set while a run is awaited, which the compiler cannot know

  const runOnce = (left: DurationMs, signal: AbortSignalLike | undefined): Promise<RunResult> =>
    engine.runUntilIdle({ deadlineMs: left, lingerMs: LINGER, ...(signal === undefined ? {} : { signal }) });
  /** Undefined where a run is under way: it looks again before it ends. */
  const runAlone = async (signal: AbortSignalLike | undefined): Promise<RunResult | undefined> => {
    if (running) {
      again = true;
      engine.knock();
      return undefined;
    }
    running = true;
    const until = clock.monotonic() + RUN;
    let claimed = 0;
    try {
      for (;;) {
        again = false;
        const result = await runOnce(milliseconds(Math.max(0, until - clock.monotonic())), signal);
        claimed += result.claimed;
        const mayGoOn = signal?.aborted !== true && clock.monotonic() < until;
        if (!heardAgain() || !mayGoOn) return { ...result, claimed };
      }
    } finally {
      running = false;
    }
  };
  const askForMore = async (result: RunResult): Promise<void> => {
    await wakeAt(queue, clock, result.nextDueAt);
    if (result.claimed > 0) await wakePass(queue, clock, init.clusterId);
  };

  return {
    wake: async (signal) => {
      const result = await runAlone(signal);
      // Whoever wakes from here on starts a run of its own.
      if (result !== undefined)
        await askForMore(result).catch((thrown: unknown) =>
          log.warn({ err: thrown }, `nobody was woken, the sweep will see to it: ${messageOf(thrown)}`),
        );
      return result;
    },
  };
}

/** A pass soon after a change, so that what the change did outside is seen before the next slot; 5 s worth share one. */
async function wakePass(queue: Queue, clock: Pick<Clock, "now">, clusterId: string): Promise<void> {
  const notBefore = plus(slotOf(clock.now(), AFTER_CHANGE), AFTER_CHANGE);
  const taskId = `after-${contentHash({ clusterId, notBefore })}`;
  await queue.wake({ queue: "reconcile", taskId, notBefore, data: { cluster: clusterId, shard: 0 } });
}

/** Asks the queue for a wake-up when something is due next; all that ask for the same second share one. */
async function wakeAt(queue: Queue, clock: Pick<Clock, "now">, at: Timestamp | undefined): Promise<void> {
  if (at === undefined) return;
  const wait = Math.max(0, since(clock.now(), at) * -1);
  // The minute's sweep is nearer than that.
  if (wait > seconds(60)) return;
  const notBefore = timestamp(Math.ceil(plus(clock.now(), milliseconds(wait)) / 1000) * 1000);
  await queue.wake({ queue: "dispatch", taskId: `due-${notBefore / 1000}`, notBefore, data: {} });
}
