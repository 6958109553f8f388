/**
 * Commits what has finished, self-clocked: what finishes while one statement is under way goes out with the next. Whatever
 * happens to a statement, each task's effects happen once. If its answer is lost, it is sent again as long as the lease
 * holds: had it committed, the rows are no longer found as leased and nothing happens a second time. If the database refuses
 * it, the batch is halved until the task that it cannot take is alone; that one is recorded as a failed attempt.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Completer, Completion } from "../../store/tasks/complete.ts";
import type { Effect } from "../../store/tasks/effects/effect.ts";
import type { Statements, Task } from "../../store/tasks/statements.ts";
import type { Admission } from "./admission.ts";
import { rowEnding, type Ended, type RowEnding } from "./outcome.ts";

export interface Finished {
  readonly task: Task;
  readonly effects: readonly Effect[];
  readonly ending: RowEnding;
  readonly ended: Ended;
}

/** What became of a finished task: recorded, void (due again without effects), or no longer ours. */
export type Settlement = "recorded" | "voided" | "lost";

export interface CompletionsOptions {
  readonly database: Statements;
  readonly complete: Completer;
  readonly admit: Admission;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Whether a task's lease may still hold, by our own clock. */
  readonly mayHold: (task: Task) => boolean;
  readonly settled: (finished: Finished, how: Settlement) => void;
}

const MAX_BATCH = 1000;
const RESEND_AFTER = milliseconds(100);

/** Returns `add`: hands in a finished task. `settled` is called for each, sooner or later. */
export function createCompletions(options: CompletionsOptions): (finished: Finished) => void {
  const { database, complete, admit, clock, random, log, settled } = options;
  let queue: Finished[] = [];
  let flushing = false;

  const send = async (batch: readonly Finished[]): Promise<void> => {
    const { missing, voided } = await complete(database, batch.map(completionOf));
    const unsure = new Set(missing);
    const void_ = new Set(voided);
    // A knock may have arrived while the statement ran: what it did not find is sent once more (see store/tasks/complete.ts).
    const lost =
      unsure.size === 0
        ? unsure
        : await resend(
            batch.filter(({ task }) => unsure.has(task.id)),
            void_,
          );
    for (const finished of batch) {
      settled(finished, lost.has(finished.task.id) ? "lost" : void_.has(finished.task.id) ? "voided" : "recorded");
    }
  };

  const resend = async (batch: readonly Finished[], void_: Set<string>): Promise<ReadonlySet<string>> => {
    const { missing, voided } = await complete(database, batch.map(completionOf));
    for (const { task } of batch) void_.delete(task.id);
    for (const id of voided) void_.add(id);
    return new Set(missing);
  };

  /** Sends until it is clear what happened. */
  const record = async (batch: readonly Finished[]): Promise<void> => {
    try {
      await send(batch);
    } catch (thrown) {
      if (thrown instanceof ShoalError && thrown.code === "unavailable") {
        const held = batch.filter(({ task }) => options.mayHold(task));
        for (const finished of batch) if (!held.includes(finished)) settled(finished, "lost");
        if (held.length === 0) return;
        await clock.sleep(RESEND_AFTER);
        await record(held);
      } else if (batch.length > 1) {
        const half = batch.length >> 1;
        await record(batch.slice(0, half));
        await record(batch.slice(half));
      } else {
        await recordRefused(batch[0], thrown);
      }
    }
  };

  const recordRefused = async (finished: Finished | undefined, cause: unknown): Promise<void> => {
    if (finished === undefined) return;
    const { task } = finished;
    log.error(
      { kind: task.kind, key: task.key, err: cause },
      `the database refuses a task's effects: ${messageOf(cause)}`,
    );
    const ending = rowEnding({ kind: "retry", cause }, task.attempts, random);
    if (finished.effects.length === 0) settled(finished, "lost");
    else await record([{ task, effects: [], ending, ended: "retried" }]);
  };

  const flush = async (): Promise<void> => {
    while (queue.length > 0) {
      const { admitted, later } = admit(queue, MAX_BATCH);
      queue = [...later];
      await record(admitted);
    }
    flushing = false;
  };

  return (finished) => {
    queue.push(finished);
    if (flushing) return;
    flushing = true;
    queueMicrotask(() => void flush());
  };
}

function completionOf({ task, effects, ending }: Finished): Completion {
  return { id: task.id, fence: task.fence, effects, ...ending };
}
