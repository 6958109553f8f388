/** The queue port in process: the same machine as behind the wire, for simulation and for tests of what wakes itself. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { toIso } from "@shoal/shared/base/time.ts";
import type { Queue } from "@shoal/shared/ports/queue.ts";
import type { CloudTasksState } from "./state.ts";

/** `parent` is `projects/P/locations/L`; tasks go to the function of their queue's name. */
export function createQueuePort(state: CloudTasksState, parent: string): Queue {
  return {
    wake: async (wakeUp) => {
      const queue = `${parent}/queues/${wakeUp.queue}`;
      const task = {
        ...(wakeUp.taskId === undefined ? {} : { name: `${queue}/tasks/${wakeUp.taskId}` }),
        ...(wakeUp.notBefore === undefined ? {} : { scheduleTime: toIso(wakeUp.notBefore) }),
        httpRequest: {
          headers: { "Content-Type": "application/json" },
          body: Buffer.from(JSON.stringify({ data: wakeUp.data })).toString("base64"),
        },
      };
      try {
        state.createTask(queue, task);
        return "created";
      } catch (thrown) {
        if (thrown instanceof ShoalError && thrown.code === "already_exists") return "duplicate";
        throw thrown;
      }
    },
  };
}
