/** Resource names: `projects/P/locations/L/queues/Q/tasks/T`. */
import { invalid } from "./wire.ts";

const QUEUE = /^projects\/[^/]+\/locations\/[^/]+\/queues\/([A-Za-z0-9-]{1,100})$/;
const TASK_ID = /^[A-Za-z0-9_-]{1,500}$/;

export function checkedQueueName(name: string): string {
  if (!QUEUE.test(name)) throw invalid("queue.name", "must be projects/P/locations/L/queues/Q (letters, digits, -)");
  return name;
}

/** Short name of a queue or a task: what follows the last slash. */
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

export function queueOf(taskName: string): string {
  return taskName.slice(0, taskName.lastIndexOf("/tasks/"));
}

export function checkedTaskName(queue: string, name: string): string {
  const prefix = `${queue}/tasks/`;
  if (!name.startsWith(prefix)) throw invalid("task.name", `must start with ${prefix}`);
  if (!TASK_ID.test(name.slice(prefix.length)))
    throw invalid("task.name", "the id may hold letters, digits, - and _, 500 at most");
  return name;
}
