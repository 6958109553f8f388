/**
 * A queue's settings, in three notations: ours, the API's, and the deploy manifest's. Defaults and limits are those of the
 * public reference of Cloud Tasks v2.
 */
import { milliseconds, seconds, toIso, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import { durationAt, durationOut, enumOut, invalid, numberAt, objectAt, QUEUE_STATES, type Json } from "./wire.ts";

export interface RateLimits {
  readonly maxDispatchesPerSecond: number;
  /** Size of the token bucket; chosen by the service, never by the caller. */
  readonly maxBurstSize: number;
  readonly maxConcurrentDispatches: number;
}

export interface RetryConfig {
  /** First attempt included; -1 is without limit. */
  readonly maxAttempts: number;
  /** From the first attempt; 0 is without limit. */
  readonly maxRetryDuration: DurationMs;
  readonly minBackoff: DurationMs;
  readonly maxBackoff: DurationMs;
  readonly maxDoublings: number;
}

export interface QueueRecord {
  readonly name: string;
  readonly rateLimits: RateLimits;
  readonly retryConfig: RetryConfig;
  readonly state: "RUNNING" | "PAUSED";
  readonly purgeTime?: Timestamp;
}

const RATE_PER_SECOND = 500;
const CONCURRENT = 1000;

export function rateLimits(perSecond = RATE_PER_SECOND, concurrent = CONCURRENT): RateLimits {
  if (perSecond <= 0 || perSecond > 500) throw invalid("rateLimits.maxDispatchesPerSecond", "must be in (0, 500]");
  if (!Number.isInteger(concurrent) || concurrent < 1 || concurrent > 5000)
    throw invalid("rateLimits.maxConcurrentDispatches", "must be in 1..5000");
  return {
    maxDispatchesPerSecond: perSecond,
    maxBurstSize: Math.max(1, Math.ceil(perSecond / 5)),
    maxConcurrentDispatches: concurrent,
  };
}

export function retryConfig(given: Partial<RetryConfig>): RetryConfig {
  const config = {
    maxAttempts: given.maxAttempts ?? 100,
    maxRetryDuration: given.maxRetryDuration ?? milliseconds(0),
    minBackoff: given.minBackoff ?? milliseconds(100),
    maxBackoff: given.maxBackoff ?? seconds(3600),
    maxDoublings: given.maxDoublings ?? 16,
  };
  if (!Number.isInteger(config.maxAttempts) || config.maxAttempts < -1 || config.maxAttempts === 0)
    throw invalid("retryConfig.maxAttempts", "must be -1 or at least 1");
  if (config.minBackoff > config.maxBackoff) throw invalid("retryConfig.minBackoff", "must not exceed maxBackoff");
  return config;
}

/** Settings from the API's JSON; `before` gives what the JSON leaves out. */
export function queueFromWire(name: string, json: Json, before?: QueueRecord): QueueRecord {
  const rate = objectAt(json["rateLimits"], "rateLimits") ?? {};
  const retry = objectAt(json["retryConfig"], "retryConfig") ?? {};
  const number = (from: Json, key: string, field: string): number | undefined => numberAt(from[key], `${field}.${key}`);
  const span = (key: string): DurationMs | undefined => durationAt(retry[key], `retryConfig.${key}`);
  const was = before?.retryConfig;
  return {
    name,
    rateLimits: rateLimits(
      number(rate, "maxDispatchesPerSecond", "rateLimits") ?? before?.rateLimits.maxDispatchesPerSecond,
      number(rate, "maxConcurrentDispatches", "rateLimits") ?? before?.rateLimits.maxConcurrentDispatches,
    ),
    retryConfig: retryConfig({
      ...was,
      ...defined({
        maxAttempts: number(retry, "maxAttempts", "retryConfig"),
        maxDoublings: number(retry, "maxDoublings", "retryConfig"),
        maxRetryDuration: span("maxRetryDuration"),
        minBackoff: span("minBackoff"),
        maxBackoff: span("maxBackoff"),
      }),
    }),
    state: before?.state ?? "RUNNING",
    ...(before?.purgeTime === undefined ? {} : { purgeTime: before.purgeTime }),
  };
}

export function queueToWire(queue: QueueRecord, enumsAsNumbers: boolean): Json {
  const { retryConfig: retry } = queue;
  return {
    name: queue.name,
    rateLimits: queue.rateLimits,
    retryConfig: {
      maxAttempts: retry.maxAttempts,
      ...(retry.maxRetryDuration === 0 ? {} : { maxRetryDuration: durationOut(retry.maxRetryDuration) }),
      minBackoff: durationOut(retry.minBackoff),
      maxBackoff: durationOut(retry.maxBackoff),
      maxDoublings: retry.maxDoublings,
    },
    state: enumOut(QUEUE_STATES, queue.state, enumsAsNumbers),
    ...(queue.purgeTime === undefined ? {} : { purgeTime: toIso(queue.purgeTime) }),
  };
}

/** What the deploy manifest says of a queue: null or absent means that the function's code sets nothing. */
export interface TaskQueueTrigger {
  readonly retryConfig?: Readonly<Record<string, number | null>>;
  readonly rateLimits?: Readonly<Record<string, number | null>>;
}

/** A queue as a deploy of the function makes it; a function's queue attempts 3 times where the code says nothing. */
export function queueFromManifest(name: string, trigger: TaskQueueTrigger): QueueRecord {
  const retry = trigger.retryConfig ?? {};
  const span = (key: string): DurationMs | undefined => {
    const value = retry[key];
    return value === null || value === undefined ? undefined : seconds(value);
  };
  return {
    name,
    rateLimits: rateLimits(
      trigger.rateLimits?.["maxDispatchesPerSecond"] ?? undefined,
      trigger.rateLimits?.["maxConcurrentDispatches"] ?? undefined,
    ),
    retryConfig: retryConfig({
      maxAttempts: retry["maxAttempts"] ?? 3,
      ...defined({
        maxDoublings: retry["maxDoublings"] ?? undefined,
        maxRetryDuration: span("maxRetrySeconds"),
        minBackoff: span("minBackoffSeconds"),
        maxBackoff: span("maxBackoffSeconds"),
      }),
    }),
    state: "RUNNING",
  };
}

function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
