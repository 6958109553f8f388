/** The times and bounds that nodes keep to towards each other. */
import { milliseconds, seconds, type DurationMs } from "@shoal/shared/base/time.ts";

export interface SyncSettings {
  /** Sessions that this node levels itself by at a time. */
  readonly concurrent: number;
  /** One context with one peer, from the first question to the last. */
  readonly sessionWithin: DurationMs;
  /** How long a session that is not used is kept for the next. */
  readonly keepSession: DurationMs;
  /** Sessions that are kept with one peer. */
  readonly sessionsPerPeer: number;
  /** Digest after the last change of a context; each further one waits twice as long, up to `beatMax`. */
  readonly beatFirst: DurationMs;
  readonly beatNext: DurationMs;
  readonly beatMax: DurationMs;
  /** How long news that came by a session gather before the others are told. */
  readonly tellAfter: DurationMs;
  /** How long what looks like a difference is given to come by itself. */
  readonly lookAgain: DurationMs;
  /** After a failed session: doubled with each failure in a row, up to `retryMax`. */
  readonly retryFirst: DurationMs;
  readonly retryMax: DurationMs;
  /** How often due times are looked at. */
  readonly tick: DurationMs;
  /** Peers that own ops are handed to for acknowledgement. */
  readonly acknowledging: number;
}

export const DEFAULT_SYNC: SyncSettings = {
  concurrent: 30,
  sessionWithin: seconds(30),
  keepSession: seconds(60),
  sessionsPerPeer: 4,
  beatFirst: seconds(2),
  beatNext: seconds(30),
  beatMax: seconds(600),
  tellAfter: milliseconds(20),
  lookAgain: milliseconds(100),
  retryFirst: seconds(1),
  retryMax: seconds(256),
  tick: seconds(1),
  acknowledging: 8,
};

/** Looks that one session takes at its peer: what both sides write meanwhile may need another one. */
export const MAX_ROUNDS = 8;
