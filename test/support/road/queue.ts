/** A queue that remembers what was asked for, and takes an id only once, as Cloud Tasks does. */
import type { Queue, WakeUp } from "@shoal/shared/ports/queue.ts";

interface RecordingQueue extends Queue {
  readonly asked: WakeUp[];
  fails: Error | undefined;
  /** Called with each wake-up before it is taken. */
  heard: (wakeUp: WakeUp) => Promise<void>;
}

export function recordingQueue(): RecordingQueue {
  const ids = new Set<string>();
  const queue: RecordingQueue = {
    asked: [],
    fails: undefined,
    heard: () => Promise.resolve(),
    wake: async (wakeUp) => {
      await queue.heard(wakeUp);
      if (queue.fails !== undefined) throw queue.fails;
      if (wakeUp.taskId !== undefined && ids.has(wakeUp.taskId)) return "duplicate";
      if (wakeUp.taskId !== undefined) ids.add(wakeUp.taskId);
      queue.asked.push(wakeUp);
      return "created";
    },
  };
  return queue;
}
