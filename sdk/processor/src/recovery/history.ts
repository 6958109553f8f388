/**
 * How often a processor has died lately. Kept beside the state, written at each start; a clean stop removes it, and so does
 * a start that comes long after the one before: only restarts in rapid succession count.
 */
import { milliseconds, minutes, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";

export interface RestartHistory {
  /** Starts since the last good one that found their predecessor dead. */
  readonly restarts: number;
  /** Wall-clock time of the latest start, in ms. */
  readonly startedAt: number;
}

/** A processor that lived longer than this was no rapid restart. Longer than the largest backoff, which a start waits for. */
export const RAPID_WITHIN = minutes(10);
const BACKOFF_FACTOR = 2;
const BACKOFF_CAP = minutes(5);

/** The history after a start at `now`; `before` is what the last start left, nothing after a clean stop. */
export function afterStart(before: RestartHistory | undefined, now: Timestamp): RestartHistory {
  const rapid = before !== undefined && now - before.startedAt < RAPID_WITHIN;
  return { restarts: rapid ? before.restarts + 1 : 0, startedAt: now };
}

/** Pause before a golden start: `base`, doubled with each restart above the threshold, 300 s at the most. */
export function goldenBackoff(restarts: number, threshold: number, base: DurationMs): DurationMs {
  return milliseconds(Math.min(BACKOFF_CAP, base * BACKOFF_FACTOR ** Math.min(30, Math.max(0, restarts - threshold))));
}

/** People are told at the threshold and at every third restart after it. */
export function isAlert(restarts: number, threshold: number): boolean {
  return restarts >= threshold && (restarts - threshold) % 3 === 0;
}
