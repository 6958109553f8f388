/**
 * Hybrid logical clock: physical time that causality can push forward. A stamp is an NTP64 number (high 32 bits seconds, low
 * 32 bits fraction, whose low 16 bits count events within one tick) and the 16-byte id of the node that made it.
 */

export interface Hlc {
  readonly time: bigint;
  readonly node: bigint;
}

const COUNTER = 0xffffn;

/** Nanoseconds since the epoch as NTP64, the counter's bits zero. */
export function ntp64(ns: bigint): bigint {
  const seconds = ns / 1_000_000_000n;
  const fraction = ((ns % 1_000_000_000n) << 32n) / 1_000_000_000n;
  return ((seconds << 32n) | fraction) & ~COUNTER;
}

/** Nanoseconds since the epoch of a stamp, rounded down. */
export function nanosecondsOf({ time }: Hlc): bigint {
  return (time >> 32n) * 1_000_000_000n + (((time & 0xffff_ffffn) * 1_000_000_000n) >> 32n);
}

/** The next stamp after `last` at physical time `ns`: later than both. */
export function tick(last: Hlc, ns: bigint): Hlc {
  const physical = ntp64(ns);
  return { time: physical > last.time ? physical : last.time + 1n, node: last.node };
}

/** How far a stamp from elsewhere may be ahead of the own clock (reference: 5 s). */
export const MAX_DRIFT_NS = 5_000_000_000n;

/** The least stamp that is not before `ns`: `nanosecondsOf` it is `ns` or later. */
export function ntp64AtLeast(ns: bigint): bigint {
  const seconds = ns / 1_000_000_000n;
  return (seconds << 32n) + (((ns % 1_000_000_000n) << 32n) + 999_999_999n) / 1_000_000_000n;
}

/** No node's clock is wrong by this much: a stamp that is further ahead is a lie. */
export const MAX_AHEAD_NS = 86_400_000_000_000n;

/** Whether a stamp from elsewhere is too far ahead of `ns` to be believed. */
export function isAhead(stamp: Hlc, ns: bigint): boolean {
  return stamp.time > ntp64(ns + MAX_DRIFT_NS);
}

/** Total order: time, then node. */
export function compareHlc(a: Hlc, b: Hlc): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  if (a.node !== b.node) return a.node < b.node ? -1 : 1;
  return 0;
}
