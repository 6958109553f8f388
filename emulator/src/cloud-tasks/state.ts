/**
 * Cloud Tasks as a state machine: every operation of the v2 API as a function. It has two faces, `http.ts` (the vendor's
 * wire) and `port.ts` (the queue port in process). Errors are `ShoalError`: `not_found`, `already_exists`,
 * `invalid_argument`.
 */
import { randomBytes } from "node:crypto";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { noJournal, openJournal } from "./journal.ts";
import { checkedQueueName, checkedTaskName, queueOf } from "./names.ts";
import { createPump, type Pump, type Send } from "./pump.ts";
import type { QueueRecord } from "./queue.ts";
import {
  aliveEntries,
  dropQueue,
  dropTask,
  isTaken,
  putQueue,
  putTask,
  queueNamed,
  replay,
  updateTask,
  type QueueEntry,
  type Store,
  type TaskEntry,
} from "./store.ts";
import { taskFromWire, type TaskRecord } from "./task.ts";
import { stringAt, type Json } from "./wire.ts";

export interface CloudTasksOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly send: Send;
  /** File that tasks outlive a kill in; without one they live in memory. */
  readonly journalPath?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export interface CloudTasksState {
  createQueue(queue: QueueRecord): QueueRecord;
  /** Makes the queue or changes its settings; whether it is paused, and its tasks, stay. */
  declareQueue(queue: QueueRecord): QueueRecord;
  getQueue(name: string): QueueRecord;
  listQueues(parent: string): readonly QueueRecord[];
  deleteQueue(name: string): void;
  setQueueState(name: string, state: QueueRecord["state"]): QueueRecord;
  /** Deletes every task of the queue; what is under way ends without a retry. */
  purgeQueue(name: string): QueueRecord;
  /** `json` is the API's `task`; a name makes it unique for as long as it lives and an hour more. */
  createTask(queue: string, json: Json): TaskRecord;
  getTask(name: string): TaskRecord;
  listTasks(queue: string, pageSize: number, pageToken: string): Page<TaskRecord>;
  deleteTask(name: string): void;
  runTask(name: string): TaskRecord;
  /** Begins to deliver. Called once the targets are up, or tasks of an earlier life would use up their attempts in vain. */
  start(): void;
  stop(): void;
}

export function createCloudTasksState(options: CloudTasksOptions): CloudTasksState {
  const store: Store = {
    clock: options.clock,
    queues: new Map(),
    tombstones: new Map(),
    journal: noJournal,
    nextOrder: 1,
  };
  if (options.journalPath !== undefined)
    store.journal = openJournal(
      options.journalPath,
      (entry) => replay(store, entry),
      () => aliveEntries(store),
    );
  const pump = createPump({ store, send: options.send, log: options.log });
  return {
    ...queueOperations(store, pump),
    ...taskOperations(store, pump),
    start: () => pump.start(),
    stop: () => {
      pump.stop();
      store.journal.close();
      store.journal = noJournal;
    },
  };
}

type QueueOperations = Pick<
  CloudTasksState,
  "createQueue" | "declareQueue" | "getQueue" | "listQueues" | "deleteQueue" | "setQueueState" | "purgeQueue"
>;

function queueOperations(store: Store, pump: Pump): QueueOperations {
  const changed = (queue: QueueEntry, record: QueueRecord): QueueRecord => {
    putQueue(store, record);
    pump.poke(queue);
    return record;
  };
  return {
    createQueue: (queue) => {
      if (store.queues.has(checkedQueueName(queue.name)))
        throw new ShoalError("already_exists", `Queue already exists: ${queue.name}`);
      return putQueue(store, queue).record;
    },
    declareQueue: (queue) => {
      const known = store.queues.get(checkedQueueName(queue.name));
      if (known === undefined) return putQueue(store, queue).record;
      return changed(known, { ...queue, state: known.record.state });
    },
    getQueue: (name) => queueNamed(store, name).record,
    listQueues: (parent) =>
      [...store.queues.values()]
        .map((queue) => queue.record)
        .filter((queue) => queue.name.startsWith(`${parent}/queues/`))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    deleteQueue: (name) => {
      const queue = queueNamed(store, name);
      for (const task of queue.tasks.values()) dropTask(store, queue, task);
      dropQueue(store, name);
    },
    setQueueState: (name, state) => {
      const queue = queueNamed(store, name);
      return changed(queue, { ...queue.record, state });
    },
    purgeQueue: (name) => {
      const queue = queueNamed(store, name);
      for (const task of queue.tasks.values()) dropTask(store, queue, task);
      return changed(queue, { ...queue.record, purgeTime: store.clock.now() });
    },
  };
}

type TaskOperations = Pick<CloudTasksState, "createTask" | "getTask" | "listTasks" | "deleteTask" | "runTask">;

const MOST_PER_PAGE = 1000;

function taskOperations(store: Store, pump: Pump): TaskOperations {
  const named = (name: string): { queue: QueueEntry; task: TaskEntry } => {
    const queue = queueNamed(store, queueOf(name));
    const task = queue.tasks.get(name);
    if (task === undefined) throw new ShoalError("not_found", `Requested entity was not found: ${name}`);
    return { queue, task };
  };
  return {
    createTask: (queueName, json) => {
      const queue = queueNamed(store, queueName);
      const given = stringAt(json["name"], "task.name") ?? "";
      const name = given === "" ? freshName(queueName) : checkedTaskName(queueName, given);
      const record = taskFromWire(json, name, given !== "", store.clock.now());
      if (isTaken(store, queue, name))
        throw new ShoalError("already_exists", "Requested entity already exists: a task of this name is or was here");
      putTask(store, queue, record);
      pump.poke(queue);
      return record;
    },
    getTask: (name) => named(name).task.record,
    listTasks: (queueName, pageSize, pageToken) => {
      const after = pageToken === "" ? 0 : Number(pageToken);
      if (!Number.isInteger(after)) throw new ShoalError("invalid_argument", "The page token is not valid.");
      const most = pageSize > 0 ? Math.min(pageSize, MOST_PER_PAGE) : MOST_PER_PAGE;
      const items: TaskEntry[] = [];
      for (const task of queueNamed(store, queueName).tasks.values()) {
        if (task.order <= after) continue;
        if (items.length === most)
          return { items: items.map((each) => each.record), next: String(items.at(-1)?.order ?? 0) };
        items.push(task);
      }
      return { items: items.map((each) => each.record) };
    },
    deleteTask: (name) => {
      const { queue, task } = named(name);
      dropTask(store, queue, task);
    },
    runTask: (name) => {
      const { queue, task } = named(name);
      if (task.isRunning) return task.record;
      // As the reference says: the time of the call becomes the task's schedule, and retries count from there.
      updateTask(store, task, { ...task.record, scheduleTime: store.clock.now() });
      pump.force(queue, task);
      return task.record;
    },
  };
}

/** Google's made-up names are long numbers. */
function freshName(queue: string): string {
  return `${queue}/tasks/${BigInt(`0x${randomBytes(8).toString("hex")}`)}`;
}
