/** What a processor's run needs from whatever carries its output; the bus is one, the log of a machine without a bus another. */
import type { DurationMs } from "@shoal/shared/base/time.ts";

export interface OutgoingEvent {
  /** One routing-key word: no dots. */
  readonly eventType: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Where it happened; the processor's own place where left out. */
  readonly geohash?: string;
}

export interface Output {
  /** Rejects where there is no connection yet; the caller tries again. */
  connect(): Promise<void>;
  /** Resolves when the event is accepted; waits while too many are unconfirmed. */
  publish(event: OutgoingEvent): Promise<void>;
  /** Waits until everything accepted is confirmed; returns how many are not when time is up. */
  drain(within: DurationMs): Promise<number>;
  close(): Promise<void>;
  /** Sequence and unconfirmed events, as JSON: kept inside the state, so that a re-run repeats the same ids. */
  capture(): unknown;
  restore(captured: unknown): void;
  /** For `/metrics`; none where nothing is counted. */
  readings?(): OutputReadings;
}

export interface OutputReadings {
  readonly accepted: number;
  readonly confirmed: number;
  /** Confirmed, and routed to nobody. */
  readonly returned: number;
  readonly refused: number;
  readonly resent: number;
  readonly unconfirmed: number;
  readonly reconnects: number;
}
