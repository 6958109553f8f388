/**
 * The store as the rest of the node sees it: columns of ordered keys, reads that are synchronous (WASM host functions wait
 * for nothing), batches that are atomic, and writes that are acknowledged when they are on disk.
 */

/** Column families; the position is the first byte of every key on disk, so the list is only ever appended to. */
export const COLUMNS = [
  "meta", // context -> ContextMeta
  "config", // the node's own settings and format version
  "identity", // context ‖ public key -> key pair
  "state", // context ‖ state key -> value
  "private", // context ‖ key -> value; never synced, never hashed
  "delta", // context ‖ delta -> delta record
  "blobs", // blob -> size, chunks, references
  "application", // application -> ApplicationMeta; package ‖ version -> application
  "alias", // kind ‖ scope ‖ name -> id
  "generic", // sessions and other small things of services
  "group", // one prefix byte ‖ group ‖ ... (governance)
  "index", // context ‖ page of the node-local ordered index (never synced)
  "auth", // keys, revocations, refresh tokens
  "pending", // context ‖ delta -> delta that waits: for parents, governance ops, or its time
  "known", // context ‖ delta -> its time (u64 BE); every delta whose effects are in the state, with or without its body
  "due", // context ‖ sequence (u64 BE) -> an event whose handler has still to run here
  "staging", // context ‖ kind ‖ ... -> a first state that is not complete yet
] as const;
export type Column = (typeof COLUMNS)[number];

/** One change: `value` undefined deletes. */
export interface Row {
  readonly column: Column;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** Keys `>= gte` and `< lt`, in byte order; `reverse` walks from the end. */
export interface Range {
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface Reader {
  /** Value of `key`, or undefined. Synchronous, a few microseconds. */
  get(column: Column, key: Uint8Array): Uint8Array | undefined;
  /** Rows of a range, in order, read in bounded steps. */
  scan(column: Column, range?: Range): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>;
}

/** A view of one moment; close it, or the store cannot compact what it holds. */
export interface Snapshot extends Reader, Disposable {}

export interface Store extends Reader {
  /**
   * All rows or none, in the order of the calls. Visible to readers when it resolves, and on disk when `durable()` called
   * afterwards resolves. Rejects `unavailable` where the disk is full or refuses: readers do not
   * see such rows, now or later, but where the write failed half way and the process ends before another one succeeds: then
   * they may be there, all of them, after the next start.
   */
  apply(rows: readonly Row[]): Promise<void>;
  /**
   * Resolves when everything applied before the call is on disk (fsync). Calls of one moment share one sync: that is the
   * group commit, and the only thing that may be acknowledged to a caller. Called right after `apply`, without waiting for it,
   * both are one write. Rejects `unavailable` where the disk refuses: what `apply` resolved for is visible all the same.
   */
  durable(): Promise<void>;
  snapshot(): Snapshot;
  close(): Promise<void>;
}
