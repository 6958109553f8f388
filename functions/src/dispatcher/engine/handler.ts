/**
 * What a kind of task does. A handler gets the batch first, so that its rows are loaded in one query, and then each task by
 * itself. It returns data: how it ended, and what is to change. It may run twice (a lease may run out, an answer may be
 * lost), so what it does outside is idempotent by name and fenced by generation or epoch; its effects happen once.
 */
import type { Effect } from "../../store/tasks/effects/effect.ts";
import type { Task } from "../../store/tasks/statements.ts";
import type { Outcome } from "./outcome.ts";

export interface Handled {
  readonly outcome: Outcome;
  readonly effects: readonly Effect[];
}

/** Throwing means retry. */
export type Handle = (task: Task) => Promise<Handled> | Handled;

/** Prepares a batch and returns what to do with each of its tasks. The signal says that the run is to end. */
export type Handler = (batch: readonly Task[], signal: AbortSignal) => Promise<Handle> | Handle;

/** A handler that needs no rows. */
export const each =
  (handle: (task: Task, signal: AbortSignal) => Promise<Handled> | Handled): Handler =>
  (_batch, signal) =>
  (task) =>
    handle(task, signal);

/** A handler whose rows are loaded for a whole batch. `row` is undefined where the key has none any more. */
export const withRows =
  <Row>(
    load: (tasks: readonly Task[]) => Promise<ReadonlyMap<string, Row>>,
    handle: (task: Task, row: Row | undefined, signal: AbortSignal) => Promise<Handled> | Handled,
  ): Handler =>
  async (batch, signal) => {
    const rows = await load(batch);
    return (task) => handle(task, rows.get(task.key), signal);
  };
