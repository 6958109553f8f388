/** What the protocols of this room work on. Everything here is bytes and values; who talks to whom is `sync/`'s business. */
import type { Hash } from "../../model/ids.ts";

/** A member of a set that two nodes compare: a delta of a context, or an op of a namespace. */
export interface IdItem {
  /** u64 that grows with time (a delta's HLC, an op's clock in ms): what is new stands together at the end. */
  readonly time: bigint;
  /** 32 bytes. */
  readonly id: Uint8Array;
}

/** A set of ids, ordered by (time, id), whose ranges have fingerprints at logarithmic cost. Lives in memory. */
export interface IdSet {
  readonly size: number;
  has(id: Uint8Array): boolean;
  /** False where it was there. */
  add(item: IdItem): boolean;
  /** 32 bytes over all ids, equal for equal sets whatever the order of adding; cheap (kept, not computed). */
  fingerprint(): Uint8Array;
  /** In order, from the first that is not before `from`. */
  items(from?: IdItem): Iterable<IdItem>;
  /** Of the items whose time is below `time`; logarithmic. */
  before(time: bigint): Prefix;
  /** The time of the item at `position` in order, from 0. */
  timeAt(position: number): bigint | undefined;
  /** What `id-set-sketch.ts` keeps of the set; not to be written to. */
  readonly sketch: Uint8Array;
  /** A copy of the sum of `id-set-hash.ts` over all ids. */
  readonly sum: Uint32Array;
  /** The first `count` items in the order in which they came, in pieces of `ITEM_WORDS` words for each. */
  arrivals(count: number): Iterable<{ readonly words: Uint32Array; readonly items: number }>;
  /** Its place in that order, from 0, for the id of 8 words at `at`; -1 where it is not there. */
  arrivalOf(words: Uint32Array, at: number): number;
}

export interface Prefix {
  readonly size: number;
  /** That of a set of just these items. */
  readonly fingerprint: Uint8Array;
}

export interface Difference {
  /** Ids that the peer has and we lack. */
  readonly need: readonly Uint8Array[];
  /** Ids that we have and the peer lacks. */
  readonly have: readonly Uint8Array[];
}

/** The asking side of one reconciliation; feed it what the peer answers until it is done. */
export interface Reconciliation {
  /** The next request to send; undefined when it is done. Call it once before the first answer and once after each. */
  request(): Uint8Array | undefined;
  /** Throws `invalid_argument` for anything that no honest peer answers, `resource_exhausted` beyond the bounds. */
  answer(response: Uint8Array): void;
  /** Complete when `request()` gives undefined. */
  readonly difference: Difference;
}
// Implemented in `reconcile.ts`: `startReconciliation(set, {key, bounds}): Reconciliation` and the stateless
// `answerReconciliation(set, request): Uint8Array`.

/** `host`: collections of the host; `guest`: rows that a Rust app writes itself; `empty`: nothing was written. */
export type StateLayout = "host" | "guest" | "empty";

export interface StateRow {
  /** Without the context's prefix. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Where a snapshot stands: the state after all of its ids, whose heads' deltas are signed by their authors. */
export interface SnapshotBoundary {
  readonly root: Hash;
  /** Encoded deltas of the heads. */
  readonly heads: readonly Uint8Array[];
  readonly layout: StateLayout;
  readonly deltas: number;
  readonly applicationId: string;
  readonly version: string;
  /** 64 hex digits: the version's blob; empty where the giver does not know it. */
  readonly appKey: string;
  /** The delta that moved the context to that version, as `Context.moved` has it. */
  readonly moved?: { readonly time: string; readonly id: Hash };
  readonly service: string;
}

/** A row of the context's state by its key, without the context's prefix. */
export type GetRow = (key: Uint8Array) => Uint8Array | undefined;

/** One request of the asking side of a tree or snapshot protocol to the peer; rejects as the channel does. */
export type Ask = (request: Uint8Array) => Promise<Uint8Array>;
