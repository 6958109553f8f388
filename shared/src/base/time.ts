/**
 * Branded time. A `Timestamp` is milliseconds since the Unix epoch by whichever clock was handed in; a `DurationMs` is a
 * span. This is the only file of `shared` that may name `Date`, and only to convert: nothing here reads a clock.
 */
declare const timestampBrand: unique symbol;
declare const durationBrand: unique symbol;

export type Timestamp = number & { readonly [timestampBrand]: true };
export type DurationMs = number & { readonly [durationBrand]: true };

export const timestamp = (ms: number): Timestamp => ms as Timestamp;
export const milliseconds = (n: number): DurationMs => n as DurationMs;
export const seconds = (n: number): DurationMs => (n * 1000) as DurationMs;
export const minutes = (n: number): DurationMs => (n * 60_000) as DurationMs;
export const hours = (n: number): DurationMs => (n * 3_600_000) as DurationMs;
export const days = (n: number): DurationMs => (n * 86_400_000) as DurationMs;

export const plus = (at: Timestamp, span: DurationMs): Timestamp => (at + span) as Timestamp;
export const since = (now: Timestamp, then: Timestamp): DurationMs => (now - then) as DurationMs;

/** RFC 3339 in UTC with milliseconds. */
export function toIso(at: Timestamp): string {
  return new Date(at).toISOString();
}

/** Parses RFC 3339; `undefined` where the text is no date. */
export function fromIso(text: string): Timestamp | undefined {
  const ms = new Date(text).getTime();
  return Number.isNaN(ms) ? undefined : (ms as Timestamp);
}

/** Start of the 30 s (or other) slot that `at` falls into. */
export function slotOf(at: Timestamp, length: DurationMs): Timestamp {
  return (at - (at % length)) as Timestamp;
}
