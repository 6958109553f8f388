/**
 * A B+tree over synchronous rows, with a few meta values beside it. One instance per run: it reads each page once, and
 * `flush` writes what changed. Keys and values are copied by nobody: hand in bytes that will not change.
 */
import type { Rows } from "../../crdt/contract.ts";
import { insert } from "./insert.ts";
import { Pages } from "./pages.ts";
import { removeRange } from "./remove.ts";
import { get, last, scan, type Entry } from "./scan.ts";

export interface OrderedIndex {
  get(key: Uint8Array): Uint8Array | undefined;
  set(key: Uint8Array, value: Uint8Array): void;
  /** Whether it was there. */
  remove(key: Uint8Array): boolean;
  /** How many there were; an empty prefix is everything. */
  removePrefix(prefix: Uint8Array): number;
  /** Entries of [lo, hi) in key order, `limit` of them after the first `offset`; an empty `hi` is no bound. */
  scan(lo: Uint8Array, hi: Uint8Array, offset: number, limit: number): readonly Entry[];
  /** The entry with the largest key of [lo, hi); an empty `hi` is no bound. */
  last(lo: Uint8Array, hi: Uint8Array): Entry | undefined;
  metaSet(key: Uint8Array, value: Uint8Array): void;
  metaGet(key: Uint8Array): Uint8Array | undefined;
  metaClear(key: Uint8Array): void;
  /** Writes what changed; without it the rows stay as they were, meta values apart. */
  flush(): void;
}

const META = Uint8Array.of(0x6d);

export function openOrderedIndex(rows: Rows): OrderedIndex {
  const pages = new Pages(rows);
  const metaKey = (key: Uint8Array): Uint8Array => Buffer.concat([META, key]);
  return {
    get: (key) => get(pages, key),
    set: (key, value) => void insert(pages, key, value),
    remove: (key) => removeRange(pages, key, Buffer.concat([key, Uint8Array.of(0)])) > 0,
    removePrefix: (prefix) => removeRange(pages, prefix, afterPrefix(prefix)),
    scan: (lo, hi, offset, limit) => scan(pages, lo, hi.length === 0 ? undefined : hi, offset, limit),
    last: (lo, hi) => last(pages, lo, hi.length === 0 ? undefined : hi),
    metaSet: (key, value) => rows.set(metaKey(key), value),
    metaGet: (key) => rows.get(metaKey(key)),
    metaClear: (key) => rows.remove(metaKey(key)),
    flush: () => pages.flush(),
  };
}

/** The first key after all that begin with `prefix`; undefined where there is none. */
function afterPrefix(prefix: Uint8Array): Uint8Array | undefined {
  const after = Uint8Array.from(prefix);
  for (let at = after.length - 1; at >= 0; at--) {
    if (after[at] === 0xff) continue;
    after[at]! += 1;
    return after.subarray(0, at + 1);
  }
  return undefined;
}
