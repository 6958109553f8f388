/**
 * A token bucket for each credential, filled at the plan's rate and as deep as one minute of it, in the memory of this
 * instance. Whoever has no valid credential shares their address's bucket.
 */
import type { Clock } from "@shoal/shared/ports/clock.ts";

export interface Allowance {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the bucket is full again. */
  readonly resetSeconds: number;
  /** Seconds until the next request is allowed; 0 if one is now. */
  readonly retryAfterSeconds: number;
}

export interface RateLimiter {
  /** Takes one request out of the bucket. */
  readonly take: (bucket: string, requestsPerMinute: number) => Allowance;
  /** Looks without taking. */
  readonly isEmpty: (bucket: string, requestsPerMinute: number) => boolean;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** The bucket that was not used for longest goes first; by then it is full, unless somebody comes from everywhere at once. */
const MOST_BUCKETS = 50_000;

export function createRateLimiter(clock: Pick<Clock, "monotonic">): RateLimiter {
  const buckets = new Map<string, Bucket>();

  const refilled = (name: string, perMinute: number): Bucket => {
    const now = clock.monotonic();
    const bucket = buckets.get(name) ?? { tokens: perMinute, at: now };
    const tokens = Math.min(perMinute, bucket.tokens + ((now - bucket.at) / 60_000) * perMinute);
    return { tokens, at: now };
  };

  return {
    isEmpty: (name, perMinute) => refilled(name, perMinute).tokens < 1,
    take: (name, perMinute) => {
      const bucket = refilled(name, perMinute);
      const allowed = bucket.tokens >= 1;
      if (allowed) bucket.tokens -= 1;
      buckets.delete(name);
      buckets.set(name, bucket);
      const oldest = buckets.keys().next();
      if (buckets.size > MOST_BUCKETS && oldest.done !== true) buckets.delete(oldest.value);
      const perSecond = perMinute / 60;
      return {
        allowed,
        limit: perMinute,
        remaining: Math.floor(bucket.tokens),
        resetSeconds: Math.ceil((perMinute - bucket.tokens) / perSecond),
        retryAfterSeconds: bucket.tokens >= 1 ? 0 : Math.ceil((1 - bucket.tokens) / perSecond),
      };
    },
  };
}

export function rateLimitHeaders(allowance: Allowance): Record<string, string> {
  return {
    "RateLimit-Limit": String(allowance.limit),
    "RateLimit-Remaining": String(allowance.remaining),
    "RateLimit-Reset": String(allowance.resetSeconds),
  };
}
