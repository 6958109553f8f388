/** Growing pauses with jitter: how long to wait before the next try. */
import { milliseconds, type DurationMs } from "./time.ts";
import type { Random } from "./random.ts";

/** Exponential backoff with full jitter on the upper half, so that a herd spreads out but nobody retries at once. */
export interface Backoff {
  readonly base: DurationMs;
  readonly factor: number;
  readonly cap: DurationMs;
}

/** Delay before attempt `attempt` (1 = first retry): between half of and the whole of `min(cap, base * factor^(n-1))`. */
export function backoffDelay(policy: Backoff, attempt: number, random: Random): DurationMs {
  const exponent = Math.max(0, Math.min(attempt, 64) - 1);
  const whole = Math.min(policy.cap, policy.base * policy.factor ** exponent);
  return milliseconds(Math.round(whole / 2 + (random.next() * whole) / 2));
}
