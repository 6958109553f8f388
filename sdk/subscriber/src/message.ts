/** What a handler is given: one event, read and checked, with where it came from. */
import type { Timestamp } from "@shoal/shared/base/time.ts";

export interface BusMessage {
  readonly id: string;
  readonly schemaVersion: string;
  readonly at: Timestamp;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly processorId: string;
  readonly eventType: string;
  /** `undefined` from a publisher that numbers no activations: such a message is not fenced. */
  readonly epoch: number | undefined;
  readonly sequence: number | undefined;
  readonly geohash: string | undefined;
  /** As it was published, on a retry too. */
  readonly routingKey: string;
  /** 1 for the first. */
  readonly attempt: number;
}
