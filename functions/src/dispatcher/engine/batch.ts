/**
 * Runs the handlers of a claimed batch and hands in what they return. A handler that answers at once costs no promise; one
 * that throws is a failed attempt of its task alone, unless the run was told to stop, in which case the task is given back.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { EffectKind } from "../../store/tasks/effects/effect.ts";
import type { Task } from "../../store/tasks/statements.ts";
import { mistakeIn } from "./admission.ts";
import type { Finished } from "./completions.ts";
import type { Handle, Handled, Handler } from "./handler.ts";
import { ENDED, RELEASED, rowEnding } from "./outcome.ts";

export interface BatchOptions {
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly effects: readonly EffectKind[];
  readonly random: Random;
  readonly log: Log;
  /** Tells the handlers to end. */
  readonly stop: AbortSignal;
  readonly finish: (finished: Finished) => void;
}

/** Returns `start`: starts a batch of tasks of any kinds; each is finished, sooner or later. */
export function createBatches(options: BatchOptions): (tasks: readonly Task[]) => void {
  const { handlers, random, log, stop, finish } = options;

  const tell = (task: Task, cause: unknown): void => {
    const fields = { kind: task.kind, key: task.key, attempt: task.attempts + 1, err: cause };
    log.warn(fields, `task failed: ${messageOf(cause)}`);
  };

  const refuse = (task: Task, cause: unknown): void => {
    if (stop.aborted) {
      finish({ task, effects: [], ending: RELEASED, ended: "released" });
      return;
    }
    tell(task, cause);
    const ending = rowEnding({ kind: "retry", cause }, task.attempts, random);
    finish({ task, effects: [], ending, ended: "retried" });
  };

  const conclude = (task: Task, { outcome, effects }: Handled): void => {
    const mistake = effects.length === 0 ? undefined : mistakeIn({ task, effects }, options.effects);
    if (mistake !== undefined) {
      refuse(task, new TypeError(mistake));
      return;
    }
    if (outcome.kind === "retry") tell(task, outcome.cause);
    finish({ task, effects, ending: rowEnding(outcome, task.attempts, random), ended: ENDED[outcome.kind] });
  };

  const handleOne = (task: Task, handle: Handle): void => {
    try {
      const handled = handle(task);
      if (!(handled instanceof Promise)) conclude(task, handled);
      else {
        void handled.then(
          (result) => conclude(task, result),
          (thrown: unknown) => refuse(task, thrown),
        );
      }
    } catch (thrown) {
      refuse(task, thrown);
    }
  };

  const startKind = async (kind: string, batch: readonly Task[]): Promise<void> => {
    let handle: Handle;
    try {
      stop.throwIfAborted();
      const handler = handlers[kind];
      if (handler === undefined) throw new Error(`nobody handles ${kind}`);
      const prepared = handler(batch, stop);
      handle = prepared instanceof Promise ? await prepared : prepared;
    } catch (thrown) {
      for (const task of batch) refuse(task, thrown);
      return;
    }
    for (const task of batch) handleOne(task, handle);
  };

  return (tasks) => {
    for (const [kind, batch] of Map.groupBy(tasks, (task) => task.kind)) void startKind(kind, batch);
  };
}
