/** A queue that remembers what was asked for, and takes an id only once, as Cloud Tasks does. */
import type { Queue, WakeUp } from "@shoal/shared/ports/queue.ts";

export function recordingQueue(): Queue & { readonly asked: WakeUp[]; fails: Error | undefined } {
  const ids = new Set<string>();
  const queue = {
    asked: [] as WakeUp[],
    fails: undefined as Error | undefined,
    wake: (wakeUp: WakeUp): Promise<"created" | "duplicate"> => {
      if (queue.fails !== undefined) return Promise.reject(queue.fails);
      if (wakeUp.taskId !== undefined && ids.has(wakeUp.taskId)) return Promise.resolve("duplicate");
      if (wakeUp.taskId !== undefined) ids.add(wakeUp.taskId);
      queue.asked.push(wakeUp);
      return Promise.resolve("created");
    },
  };
  return queue;
}
