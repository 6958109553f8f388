/**
 * Differences among the newest: the asker names times, each four times as far back as the one before, with the fingerprint of all
 * that it has up to there. Where the peer's is the same, all that the two differ by is newer, and the peer's newer ids tell it.
 */
import { sha256 } from "../../model/sha256.ts";
import type { IdItem, IdSet } from "./contract.ts";

/** Everything up to `time`, that included, has this fingerprint under the session's key. */
export interface Bound {
  readonly time: bigint;
  readonly tag: Uint8Array;
}

/** Enough against chance; against intent, the key is the asker's and new. */
export const TAG_BYTES = 8;
/** What stands behind the second bound, and how much more behind each further one. */
const FIRST_NEWEST = 16;
const STEP = 4;
export const MAX_BOUNDS = 16;

export const tagOf = (key: Uint8Array, fingerprint: Uint8Array): Uint8Array =>
  sha256(key, fingerprint).slice(0, TAG_BYTES);

/** From the newest: the first is of the whole set, and the only one of a small set. None of an empty one. */
export function boundsOf(set: IdSet, key: Uint8Array): readonly Bound[] {
  const bounds: Bound[] = [];
  const { size } = set;
  for (let newest = 0; newest < size && bounds.length < MAX_BOUNDS; newest = Math.max(FIRST_NEWEST, newest * STEP)) {
    const time = set.timeAt(size - 1 - newest)!;
    if (time !== bounds.at(-1)?.time) bounds.push({ time, tag: tagOf(key, set.before(time + 1n).fingerprint) });
  }
  return bounds;
}

export interface Match {
  /** Of the bounds; `bounds.length` where only nothing is the same, which it always is. */
  readonly bound: number;
  /** Items up to there. */
  readonly size: number;
  /** The first time behind it. */
  readonly from: bigint;
}

/** The newest bound up to which `set` is what the asker has. */
export function matchBounds(set: IdSet, key: Uint8Array, bounds: readonly Bound[]): Match {
  for (const [bound, { time, tag }] of bounds.entries()) {
    const { size, fingerprint } = set.before(time + 1n);
    if (sameBytes(tagOf(key, fingerprint), tag)) return { bound, size, from: time + 1n };
  }
  return { bound: bounds.length, size: 0, from: 0n };
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

export interface Page {
  readonly ids: readonly Uint8Array[];
  /** The item that the next page begins with. */
  readonly next: IdItem | undefined;
}

/** At most `limit` ids in order, from the first item that is not before `from`. */
export function pageFrom(set: IdSet, from: IdItem, limit: number): Page {
  const ids: Uint8Array[] = [];
  for (const item of set.items(from)) {
    if (ids.length === limit) return { ids, next: item };
    ids.push(item.id);
  }
  return { ids, next: undefined };
}
