/** A message in one queue. */
import type { Message } from "./store/message.ts";
import type { Queue } from "./queue.ts";

export interface Entry {
  readonly queue: Queue;
  readonly message: Message;
  /** Publication order, under the names that the heap sorts by. */
  readonly at: number;
  readonly order: 0;
  /** Milliseconds since the epoch; 0 for never. */
  readonly expiresAt: number;
  /** How often it was handed out; above 0 it is redelivered. */
  deliveries: number;
}

/** Why a message left a queue other than by being acknowledged; the words of `x-death`. */
export type Death = "rejected" | "expired" | "maxlen" | "delivery_limit";

/** Somebody who takes a queue's messages. */
export interface Consumer {
  readonly tag: string;
  readonly queue: Queue;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly priority: number;
  /** Whether another message would be within its prefetch and its socket's bounds. */
  ready(): boolean;
  deliver(entry: Entry): void;
  /** The queue is gone. */
  cancelled(): void;
}
