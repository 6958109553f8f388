/**
 * Work by key: a key is worked on by one at a time, is queued once however often it is named, and comes again after a
 * jittered wait when its work failed. The waiting room of every controller.
 */
import { backoffDelay, type Backoff } from "@shoal/shared/base/backoff.ts";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, seconds, type DurationMs } from "@shoal/shared/base/time.ts";

export interface WorkQueue {
  add(key: string): void;
  /** The earliest of several wins. */
  addAfter(key: string, span: DurationMs): void;
  /** Ends when the work in hand has ended; what waits is dropped. */
  stop(): Promise<void>;
}

export interface WorkQueueOptions {
  readonly name: string;
  readonly handle: (key: string) => Promise<void>;
  readonly log: Log;
  readonly random: Random;
  readonly parallel?: number;
}

const RETRY: Backoff = { base: milliseconds(50), factor: 2, cap: seconds(15) };

export function workQueue(options: WorkQueueOptions): WorkQueue {
  const waiting = new Set<string>();
  const busy = new Map<string, Promise<void>>();
  const faults = new Map<string, number>();
  const timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly due: number }>();
  let stopped = false;

  const addAfter = (key: string, span: DurationMs): void => {
    if (stopped) return;
    const due = performance.now() + span;
    const known = timers.get(key);
    if (known !== undefined && known.due <= due) return;
    clearTimeout(known?.timer);
    const timer = setTimeout(() => {
      timers.delete(key);
      add(key);
    }, span);
    timers.set(key, { timer, due });
  };
  const work = async (key: string): Promise<void> => {
    try {
      await options.handle(key);
      faults.delete(key);
    } catch (thrown) {
      const attempt = (faults.get(key) ?? 0) + 1;
      faults.set(key, attempt);
      options.log.debug({ queue: options.name, key, attempt, error: messageOf(thrown) }, "will be tried again");
      addAfter(key, backoffDelay(RETRY, attempt, options.random));
    } finally {
      busy.delete(key);
      pump();
    }
  };
  const pump = (): void => {
    if (stopped) return;
    for (const key of waiting) {
      if (busy.size >= (options.parallel ?? 4)) return;
      if (busy.has(key)) continue;
      waiting.delete(key);
      busy.set(key, work(key));
    }
  };
  const add = (key: string): void => {
    if (stopped) return;
    waiting.add(key);
    queueMicrotask(pump);
  };
  return {
    add,
    addAfter,
    stop: async () => {
      stopped = true;
      for (const { timer } of timers.values()) clearTimeout(timer);
      await Promise.all(busy.values());
    },
  };
}
