/** What a subscriber is made of, with its defaults and its limits. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, minutes, seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Ledger } from "./ledger.ts";
import type { BusMessage } from "./message.ts";

export interface HandlerContext<Transaction> {
  /** The ledger's: what is written through it counts together with the message, or not at all. */
  readonly transaction: Transaction;
  /** Aborted when the handler has taken too long. */
  readonly signal: AbortSignal;
}

export interface SubscriberOptions<Transaction> {
  readonly url: string;
  /** A durable queue that outlives its readers; left out: one of our own, which vanishes with the connection. */
  readonly queue?: string;
  /** Routing keys `<processor>.<event type>.<geohash...>`: `*` is one word, `#` any number. */
  readonly patterns: readonly string[];
  readonly ledger: Ledger<Transaction>;
  /**
   * Resolves when the message took effect. What it throws is tried again, later; a `ShoalError` that says that trying
   * again is of no use sends the message to the parking queue at once.
   */
  handle(message: BusMessage, context: HandlerContext<Transaction>): Promise<void>;
  /** Major versions that are understood; others are acknowledged and counted. Default: 0. */
  readonly majors?: readonly number[];
  /** Messages with the same key are handled one after the other. Default: the processor. */
  readonly keyOf?: (message: BusMessage) => string;
  /** Messages in hand at once, 1 to 10,000. Default: 100. */
  readonly prefetch?: number;
  /** Pauses before each retry; after the last, the message is parked. Default: 1 s, 10 s, 1 min. At most 10. */
  readonly retryAfter?: readonly DurationMs[];
  /** Default: 1 min. */
  readonly handleWithin?: DurationMs;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly random?: Random;
}

const MAX_PREFETCH = 10_000;
const MAX_RETRIES = 10;
const QUEUE_NAME = /^[\w.:-]{1,200}$/;
export const DEFAULTS = {
  majors: [0],
  prefetch: 100,
  retryAfter: [seconds(1), seconds(10), minutes(1)],
  handleWithin: minutes(1),
} as const;
/** What RabbitMQ takes for a TTL. */
const LONGEST_PAUSE = milliseconds(2 ** 32 - 1);

/** Throws `invalid_argument` with the option at fault. */
export function checkOptions<Transaction>(options: SubscriberOptions<Transaction>): void {
  const { queue, patterns, prefetch = 1, retryAfter = [], majors = [0] } = options;
  const isCount = (n: number, least: number, most: number): boolean => Number.isInteger(n) && n >= least && n <= most;
  demand(queue === undefined || QUEUE_NAME.test(queue), "queue", "1 to 200 letters, digits and . _ : -");
  demand(patterns.length > 0 && patterns.length <= 1000, "patterns", "1 to 1,000 patterns");
  const fit = patterns.every((pattern) => pattern !== "" && Buffer.byteLength(pattern) <= 255);
  demand(fit, "patterns", "patterns of 1 to 255 bytes");
  demand(isCount(prefetch, 1, MAX_PREFETCH), "prefetch", `a whole number from 1 to ${MAX_PREFETCH}`);
  demand(retryAfter.length <= MAX_RETRIES, "retryAfter", `at most ${MAX_RETRIES} pauses`);
  demand(
    retryAfter.every((pause) => isCount(pause, 1, LONGEST_PAUSE)),
    "retryAfter",
    "whole milliseconds",
  );
  demand(majors.length > 0 && majors.every((major) => isCount(major, 0, 1e9)), "majors", "whole numbers");
}

function demand(holds: boolean, field: string, expectation: string): void {
  if (!holds) throw new ShoalError("invalid_argument", `${field} must be ${expectation}`, { field });
}
