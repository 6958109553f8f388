/** A message in the broker: one content, held by any number of queues. */
import type { Place } from "./log.ts";
import type { Content } from "./record.ts";

/** A queue's hold on a message, as far as the store is concerned. */
export interface Hold {
  readonly queue: { readonly id: number; readonly durable: boolean };
  /** Milliseconds since the epoch; 0 for never. */
  readonly expiresAt: number;
  readonly deliveries: number;
}

export class Message {
  readonly seq: number;
  /** Delivery mode 2: it outlives the broker in durable queues. */
  readonly persistent: boolean;
  readonly bodyBytes: number;
  /** Undefined where only the log has it. */
  content: Content | undefined;
  place: Place | undefined;
  readonly holds: Hold[] = [];

  constructor(seq: number, persistent: boolean, content: Content | undefined, bodyBytes: number) {
    this.seq = seq;
    this.persistent = persistent;
    this.content = content;
    this.bodyBytes = bodyBytes;
  }
}
