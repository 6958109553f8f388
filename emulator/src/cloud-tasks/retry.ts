/** When a failed task is tried again, and when no more. Pure; the rules are those of `RetryConfig` in the API's reference. */
import { milliseconds, since, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import type { RetryConfig } from "./queue.ts";

/**
 * Wait before retry `n` (1 = the first): doubles `maxDoublings` times, then grows linearly by the last step, then stays.
 * The reference's example: 10 s, 300 s, 3 doublings -> 10, 20, 40, 80, 160, 240, 300, 300.
 */
export function backoffOf(
  config: Pick<RetryConfig, "minBackoff" | "maxBackoff" | "maxDoublings">,
  n: number,
): DurationMs {
  const doublings = Math.min(n - 1, config.maxDoublings);
  const step = config.minBackoff * 2 ** doublings;
  return milliseconds(Math.min(config.maxBackoff, step * (n - doublings)));
}

/** Where attempts and duration are both limited, both limits have to be reached. */
export function isExhausted(config: RetryConfig, attempts: number, firstAttempt: Timestamp, now: Timestamp): boolean {
  const outOfAttempts = config.maxAttempts !== -1 && attempts >= config.maxAttempts;
  if (config.maxRetryDuration === 0) return outOfAttempts;
  const outOfTime = since(now, firstAttempt) >= config.maxRetryDuration;
  return outOfTime && (config.maxAttempts === -1 || outOfAttempts);
}
