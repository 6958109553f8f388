/**
 * The engine: leases batches of due work, runs a handler for each task, and completes them with one fenced statement that
 * carries their effects. Claims, handlers and completions overlap, so a slow handler holds nobody back and a fast stream
 * travels in large batches. The database's clock decides what is due and whose lease holds; ours only bounds how long a run
 * goes on. It may be killed at any instruction: what it held is done by somebody else once the lease is over.
 */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, plus, seconds, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import type { AbortSignalLike, Clock } from "@shoal/shared/ports/clock.ts";
import { claim } from "../../store/tasks/claim.ts";
import { createCompleter } from "../../store/tasks/complete.ts";
import type { EffectKind } from "../../store/tasks/effects/effect.ts";
import { extend } from "../../store/tasks/extend.ts";
import { nextDue } from "../../store/tasks/next-due.ts";
import type { Statements } from "../../store/tasks/statements.ts";
import { createAdmission } from "./admission.ts";
import { createBatches } from "./batch.ts";
import { createBell, type Bell } from "./bell.ts";
import { createCompletions } from "./completions.ts";
import type { Handler } from "./handler.ts";
import { createLedger, type Count, type EngineMetrics, type Ledger } from "./ledger.ts";

export interface EngineOptions {
  readonly database: Statements;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What tasks may change, beside themselves. */
  readonly effects: readonly EffectKind[];
  /** By kind of task. */
  readonly handlers: Readonly<Record<string, Handler>>;
  /** Most tasks in one claim. */
  readonly batchSize: number;
  /** Most tasks that are leased and not yet recorded. */
  readonly concurrency: number;
  readonly leaseMs: DurationMs;
  readonly metrics?: EngineMetrics;
}

export interface RunOptions {
  /** Claims nothing more after this. */
  readonly deadlineMs: DurationMs;
  /** Waits inside the run for what is due within this time, instead of ending; none unless given. */
  readonly lingerMs?: DurationMs;
  /** How long to wait for running handlers after the deadline or an abort, 10 s unless given; then their leases run out. */
  readonly drainMs?: DurationMs;
  /** Ends the run early: handlers are told, and what they throw from then on is no failed attempt. */
  readonly signal?: AbortSignalLike;
}

export interface RunResult extends Readonly<Record<Count, number>> {
  readonly claimed: number;
  /** When to look again; undefined where nothing waits. */
  readonly nextDueAt: Timestamp | undefined;
}

export interface Engine {
  /**
   * Works until nothing is due. Rejects with `unavailable` where the database cannot be reached; what was recorded by
   * then stays so. Several runs at once share nothing but the database.
   */
  runUntilIdle(run: RunOptions): Promise<RunResult>;
  /** Something has become due: a run that waits looks at once. */
  knock(): void;
}

/** How often to look for new work while old work is under way and nobody knocks. */
const POLL = milliseconds(250);

export function createEngine(options: EngineOptions): Engine {
  const bells = new Set<Bell>();
  return {
    runUntilIdle: async (run) => {
      const bell = createBell(options.clock);
      bells.add(bell);
      try {
        return await runOnce(options, run, bell);
      } finally {
        bells.delete(bell);
      }
    },
    knock: () => {
      for (const bell of bells) bell.ring();
    },
  };
}

async function runOnce(options: EngineOptions, run: RunOptions, bell: Bell): Promise<RunResult> {
  const { database, clock } = options;
  const ledger = createLedger(options, options.metrics);
  const stop = new AbortController();
  const abort = (): void => {
    stop.abort();
    bell.ring();
  };
  const finish = createCompletions({
    ...options,
    complete: createCompleter(options.effects),
    admit: createAdmission(options.effects),
    mayHold: (task) => ledger.mayHold(task),
    settled: (finished, how) => {
      ledger.settle(finished, how);
      bell.ring();
    },
  });
  const start = createBatches({ ...options, stop: stop.signal, finish });
  if (run.signal?.aborted === true) abort();
  run.signal?.addEventListener("abort", abort, { once: true });
  const deadline = clock.monotonic() + run.deadlineMs;
  let idleUntil: { readonly due: DurationMs | undefined } | undefined;
  const over = (): boolean => stop.signal.aborted || clock.monotonic() >= deadline;
  try {
    while (!over()) {
      const heard = bell.rung;
      const room = Math.min(options.batchSize, options.concurrency - ledger.held);
      if (room > 0) {
        const leasedUntil = clock.monotonic() + options.leaseMs;
        const tasks = await claim(database, room, options.leaseMs);
        ledger.take(tasks, leasedUntil);
        start(tasks);
        if (tasks.length === room) continue;
      }
      if (ledger.held > 0) {
        await keepWaiting(options, ledger, bell, heard, POLL);
        continue;
      }
      const due = await nextDue(database);
      if (due === undefined || due > (run.lingerMs ?? 0)) {
        idleUntil = { due };
        break;
      }
      await bell.wait(heard, milliseconds(Math.max(1, Math.min(due, deadline - clock.monotonic()))));
    }
  } finally {
    // Also after an error: what runs is not forgotten, and what has finished is recorded where that is possible.
    await drain(options, ledger, bell, run.drainMs ?? seconds(10));
    run.signal?.removeEventListener("abort", abort);
  }
  const { due } = idleUntil ?? { due: await nextDue(database) };
  return {
    claimed: ledger.claimed,
    ...ledger.counts,
    nextDueAt: due === undefined ? undefined : plus(clock.now(), due),
  };
}

async function drain(options: EngineOptions, ledger: Ledger, bell: Bell, span: DurationMs): Promise<void> {
  const until = options.clock.monotonic() + span;
  while (ledger.held > 0 && options.clock.monotonic() < until) {
    await keepWaiting(options, ledger, bell, bell.rung, milliseconds(until - options.clock.monotonic())).catch(
      (thrown: unknown) => options.log.warn({ err: thrown }, "leases could not be extended"),
    );
  }
}

/** Waits for something to happen, and keeps the leases of what goes on for long. */
async function keepWaiting(
  { database, clock, leaseMs }: EngineOptions,
  ledger: Ledger,
  bell: Bell,
  heard: number,
  span: DurationMs,
): Promise<void> {
  await bell.wait(heard, milliseconds(Math.min(span, leaseMs / 3)));
  const tasks = ledger.toExtend();
  if (tasks.length === 0) return;
  const leasedUntil = clock.monotonic() + leaseMs;
  const ids = await extend(database, tasks, leaseMs);
  for (const task of tasks) if (ids.has(task.id)) ledger.extended(task, leasedUntil);
}
