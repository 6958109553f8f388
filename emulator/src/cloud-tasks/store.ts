/** What the service holds in memory: queues, their tasks, and the names that may not be used again yet. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { hours, plus, type Timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { createHeap, type Heap, type Waiting } from "./heap.ts";
import type { Entry, Journal } from "./journal.ts";
import { idOf, queueOf } from "./names.ts";
import type { QueueRecord } from "./queue.ts";
import type { TaskRecord } from "./task.ts";

export interface TaskEntry {
  record: TaskRecord;
  readonly order: number;
  isRunning: boolean;
}

export interface QueueEntry {
  record: QueueRecord;
  /** In order of creation. */
  readonly tasks: Map<string, TaskEntry>;
  /** May hold what is no longer true (`isCurrent`): leaving it there is cheaper than searching for it. */
  readonly waiting: Heap<WaitingTask>;
  running: number;
  tokens: number;
  refilledAt: Timestamp;
}

export interface WaitingTask extends Waiting {
  readonly entry: TaskEntry;
}

export interface Store {
  readonly clock: Clock;
  readonly queues: Map<string, QueueEntry>;
  /** Name of a task that was deleted or done -> when it may be used again. In order of time. */
  readonly tombstones: Map<string, Timestamp>;
  journal: Journal;
  nextOrder: number;
}

/** How long the name of a finished task stays taken: the reference says "up to one hour". */
const TOMBSTONE = hours(1);

export function putQueue(store: Store, record: QueueRecord): QueueEntry {
  store.journal.append({ kind: "queue", queue: record });
  const known = store.queues.get(record.name);
  if (known !== undefined) {
    known.record = record;
    return known;
  }
  const entry: QueueEntry = {
    record,
    tasks: new Map(),
    waiting: createHeap(),
    running: 0,
    tokens: record.rateLimits.maxBurstSize,
    refilledAt: store.clock.now(),
  };
  store.queues.set(record.name, entry);
  return entry;
}

export function queueNamed(store: Store, name: string): QueueEntry {
  const queue = store.queues.get(name);
  if (queue === undefined) throw new ShoalError("not_found", `Queue does not exist: ${idOf(name)}`);
  return queue;
}

export function dropQueue(store: Store, name: string): void {
  store.queues.delete(name);
  store.journal.append({ kind: "queue-gone", name });
}

export function putTask(store: Store, queue: QueueEntry, record: TaskRecord): TaskEntry {
  const entry: TaskEntry = { record, order: store.nextOrder++, isRunning: false };
  store.journal.append({ kind: "task", task: record });
  queue.tasks.set(record.name, entry);
  queue.waiting.push({ at: record.scheduleTime, order: entry.order, entry });
  return entry;
}

export function updateTask(store: Store, entry: TaskEntry, record: TaskRecord): void {
  entry.record = record;
  store.journal.append({ kind: "task", task: record });
}

/** Done, given up, deleted or purged: the same to the name. */
export function dropTask(store: Store, queue: QueueEntry, entry: TaskEntry): void {
  const { name, isNamed } = entry.record;
  queue.tasks.delete(name);
  if (!isNamed) {
    store.journal.append({ kind: "task-gone", name });
    return;
  }
  const until = plus(store.clock.now(), TOMBSTONE);
  bury(store, name, until);
  store.journal.append({ kind: "task-gone", name, until });
}

/** Whether a task of this name exists or existed within the last hour. */
export function isTaken(store: Store, queue: QueueEntry, name: string): boolean {
  return queue.tasks.has(name) || (store.tombstones.get(name) ?? 0) > store.clock.now();
}

export function isCurrent(queue: QueueEntry, waiting: WaitingTask): boolean {
  const { entry } = waiting;
  return !entry.isRunning && entry.record.scheduleTime === waiting.at && queue.tasks.get(entry.record.name) === entry;
}

function bury(store: Store, name: string, until: Timestamp): void {
  for (const [old, end] of store.tombstones) {
    if (end > store.clock.now()) break;
    store.tombstones.delete(old);
  }
  store.tombstones.delete(name);
  store.tombstones.set(name, until);
}

/** Takes in a line of the journal; the store has no journal of its own yet. */
export function replay(store: Store, entry: Entry): void {
  switch (entry.kind) {
    case "queue":
      putQueue(store, entry.queue);
      return;
    case "queue-gone":
      store.queues.delete(entry.name);
      return;
    case "task": {
      const queue = store.queues.get(queueOf(entry.task.name));
      if (queue === undefined) return;
      const known = queue.tasks.get(entry.task.name);
      if (known === undefined) putTask(store, queue, entry.task);
      else {
        known.record = entry.task;
        queue.waiting.push({ at: entry.task.scheduleTime, order: known.order, entry: known });
      }
      return;
    }
    case "task-gone":
      store.queues.get(queueOf(entry.name))?.tasks.delete(entry.name);
      if (entry.until !== undefined && entry.until > store.clock.now()) bury(store, entry.name, entry.until);
      return;
  }
}

/** Everything that a journal has to say to bring this store back. */
export function aliveEntries(store: Store): readonly Entry[] {
  const queues = [...store.queues.values()];
  return [
    ...queues.map((queue): Entry => ({ kind: "queue", queue: queue.record })),
    ...queues.flatMap((queue) => [...queue.tasks.values()].map((task): Entry => ({ kind: "task", task: task.record }))),
    ...[...store.tombstones].map(([name, until]): Entry => ({ kind: "task-gone", name, until })),
  ];
}
