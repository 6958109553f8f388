/**
 * Gives due tasks to their targets: never before their time, within the queue's rate (a token bucket) and concurrency, again
 * after a failure, and no more once the limits are reached. Time is the clock that was handed in, so that a test may pass
 * hours in a moment.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { plus, since, timestamp, type Timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { createAlarms } from "./alarms.ts";
import { idOf } from "./names.ts";
import { backoffOf, isExhausted } from "./retry.ts";
import { dropTask, isCurrent, updateTask, type QueueEntry, type Store, type TaskEntry } from "./store.ts";
import type { TaskRecord } from "./task.ts";

/** What came of an attempt; no status means that no answer came. */
export interface Answer {
  readonly status?: number;
  /** Words for the retry's header and for `responseStatus`. */
  readonly reason: string;
}

/** Calls the task's target once. Ends soon after `signal` is aborted. */
export type Send = (task: TaskRecord, signal: AbortSignal) => Promise<Answer>;

export interface Pump {
  /** Nothing is delivered before. */
  start(): void;
  /** Something changed that may make a task due. */
  poke(queue: QueueEntry): void;
  /** Attempts now, whatever the rate and though the queue is paused. A task under way is left alone. */
  force(queue: QueueEntry, entry: TaskEntry): void;
  /** What is under way is given up and starts again with the next life. */
  stop(): void;
}

interface PumpInit {
  readonly store: Store;
  readonly send: Send;
  readonly log: Log;
}

export function createPump(init: PumpInit): Pump {
  const { store, log } = init;
  const { clock } = store;
  const stopping = new AbortController();
  let isStarted = false;

  const poke = (queue: QueueEntry): void => {
    if (!isStarted || stopping.signal.aborted || store.queues.get(queue.record.name) !== queue) return;
    refill(queue, clock.now());
    while (queue.record.state === "RUNNING" && queue.running < queue.record.rateLimits.maxConcurrentDispatches) {
      const next = queue.waiting.peek();
      if (next === undefined) return;
      if (!isCurrent(queue, next)) {
        queue.waiting.pop();
        continue;
      }
      const at = Math.max(next.at, tokenAt(queue));
      if (at > clock.now()) return alarms.set(queue, timestamp(at));
      queue.waiting.pop();
      queue.tokens = Math.max(0, queue.tokens - 1);
      attempt(queue, next.entry);
    }
  };
  const alarms = createAlarms(clock, poke);

  const attempt = (queue: QueueEntry, entry: TaskEntry): void => {
    const dispatchTime = clock.now();
    queue.running++;
    entry.isRunning = true;
    updateTask(store, entry, dispatched(entry.record, dispatchTime));
    answerWithin(clock, init.send, entry.record, stopping.signal)
      .then((answer) => {
        if (stopping.signal.aborted) return;
        queue.running--;
        entry.isRunning = false;
        // Deleted or purged meanwhile: the answer is of no interest.
        if (queue.tasks.get(entry.record.name) === entry) settle(init, queue, entry, dispatchTime, answer);
        poke(queue);
      })
      .catch((thrown: unknown) => log.error({ err: thrown, task: entry.record.name }, "a task could not be settled"));
  };

  return {
    start: () => {
      isStarted = true;
      for (const queue of store.queues.values()) poke(queue);
    },
    poke,
    force: (queue, entry) => {
      if (!entry.isRunning) attempt(queue, entry);
    },
    stop: () => {
      stopping.abort(new Error("stopped"));
      alarms.clear();
    },
  };
}

function refill(queue: QueueEntry, now: Timestamp): void {
  const { maxDispatchesPerSecond, maxBurstSize } = queue.record.rateLimits;
  queue.tokens = Math.min(maxBurstSize, queue.tokens + (since(now, queue.refilledAt) * maxDispatchesPerSecond) / 1000);
  queue.refilledAt = now;
}

/** When the bucket holds a whole token; rounding must not cost one that is due. */
function tokenAt(queue: QueueEntry): number {
  const missing = 1 - queue.tokens;
  if (missing < 1e-9) return queue.refilledAt;
  return queue.refilledAt + Math.ceil((missing * 1000) / queue.record.rateLimits.maxDispatchesPerSecond);
}

function dispatched(record: TaskRecord, dispatchTime: Timestamp): TaskRecord {
  const attempt = { scheduleTime: record.scheduleTime, dispatchTime };
  // `lastAttempt` stays the one before until this one has an answer: the headers tell of it.
  return { ...record, dispatchCount: record.dispatchCount + 1, firstAttempt: record.firstAttempt ?? attempt };
}

function settle(init: PumpInit, queue: QueueEntry, entry: TaskEntry, dispatchTime: Timestamp, answer: Answer): void {
  const { store, log } = init;
  const now = store.clock.now();
  const { retryConfig } = queue.record;
  const record = answered(entry.record, answer, dispatchTime, now);
  const fields = { queue: idOf(queue.record.name), task: idOf(record.name), attempts: record.dispatchCount };
  if (answer.status !== undefined && answer.status >= 200 && answer.status < 300) {
    dropTask(store, queue, entry);
    log.debug(fields, "task done");
  } else if (isExhausted(retryConfig, record.dispatchCount, record.firstAttempt?.dispatchTime ?? now, now)) {
    dropTask(store, queue, entry);
    log.warn({ ...fields, reason: answer.reason }, "task given up: its attempts are used up");
  } else {
    const scheduleTime = plus(now, backoffOf(retryConfig, record.dispatchCount));
    updateTask(store, entry, { ...record, scheduleTime });
    queue.waiting.push({ at: scheduleTime, order: entry.order, entry });
    log.debug({ ...fields, reason: answer.reason }, "task will be retried");
  }
}

function answered(record: TaskRecord, answer: Answer, dispatchTime: Timestamp, now: Timestamp): TaskRecord {
  const lastAttempt = {
    scheduleTime: record.scheduleTime,
    dispatchTime,
    responseTime: now,
    reason: answer.reason,
    ...(answer.status === undefined ? {} : { status: answer.status }),
  };
  return { ...record, lastAttempt, responseCount: record.responseCount + (answer.status === undefined ? 0 : 1) };
}

/** The target's answer, or none once the dispatch deadline has passed by our clock. */
async function answerWithin(clock: Clock, send: Send, task: TaskRecord, stop: AbortSignal): Promise<Answer> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, stop]);
  const late = clock.sleep(task.dispatchDeadline, signal).then(
    (): Answer => ({ reason: "DEADLINE_EXCEEDED" }),
    (): Answer => ({ reason: "CANCELLED" }),
  );
  const call = send(task, signal).catch((thrown: unknown): Answer => ({ reason: `UNAVAILABLE: ${messageOf(thrown)}` }));
  try {
    return await Promise.race([call, late]);
  } finally {
    over.abort();
  }
}
