/**
 * Wake-ups. A message says "look at X" and carries no description: losing one costs the time until the next sweep,
 * delivering it twice costs nothing.
 */
import type { Timestamp } from "../base/time.ts";

export type QueueName = "dispatch" | "reconcile";

export interface WakeUp {
  readonly queue: QueueName;
  /** Dedupe id (letters, digits, `-`, `_`; at most 500): a second wake-up of the same id is a success that does nothing. */
  readonly taskId?: string;
  readonly notBefore?: Timestamp;
  /** JSON handed to the function as `data`. */
  readonly data: Readonly<Record<string, string | number>>;
}

export interface Queue {
  /** Durably enqueues. Throws `ShoalError` with `unavailable` when the service cannot be reached. */
  wake(wakeUp: WakeUp): Promise<"created" | "duplicate">;
}
