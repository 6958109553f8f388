/** Nodes of a trie. A node's row is exactly what its hash is over. */
import { BorshReader } from "../../model/borsh.ts";

/** Entries that a bucket holds at most; one more makes it a branch. */
export const BUCKET = 16;
const ID = 32;
const HASH = 32;

export interface Bucket {
  readonly kind: "bucket";
  /** Ascending. */
  readonly ids: Uint8Array[];
  readonly hashes: Uint8Array[];
}

export interface Branch {
  readonly kind: "branch";
  /** Entries below each of the 16 children. */
  readonly counts: number[];
  /** Of a child that changed, the hash is the old one until the flush. */
  readonly hashes: (Uint8Array | undefined)[];
}

export type TrieNode = Bucket | Branch;

export const emptyBucket = (): Bucket => ({ kind: "bucket", ids: [], hashes: [] });
export const emptyBranch = (): Branch => ({
  kind: "branch",
  counts: Array.from({ length: 16 }, () => 0),
  hashes: Array.from({ length: 16 }, () => undefined),
});

export const countOf = (node: TrieNode): number =>
  node.kind === "bucket" ? node.ids.length : node.counts.reduce((sum, count) => sum + count, 0);

export function encodeNode(node: TrieNode): Uint8Array {
  if (node.kind === "bucket") {
    const bytes = Buffer.allocUnsafe(2 + node.ids.length * (ID + HASH));
    bytes[0] = 0;
    bytes[1] = node.ids.length;
    let at = 2;
    for (let n = 0; n < node.ids.length; n++, at += ID + HASH) {
      bytes.set(node.ids[n]!, at);
      bytes.set(node.hashes[n]!, at + ID);
    }
    return bytes;
  }
  let present = 0;
  let children = 0;
  for (let nibble = 0; nibble < 16; nibble++) {
    if (node.counts[nibble] === 0) continue;
    present |= 1 << nibble;
    children += 1;
  }
  const bytes = Buffer.allocUnsafe(3 + children * (4 + HASH));
  bytes[0] = 1;
  bytes.writeUInt16LE(present, 1);
  let at = 3;
  for (let nibble = 0; nibble < 16; nibble++) {
    if (node.counts[nibble] === 0) continue;
    bytes.writeUInt32LE(node.counts[nibble]!, at);
    bytes.set(node.hashes[nibble]!, at + 4);
    at += 4 + HASH;
  }
  return bytes;
}

/** Throws `invalid_argument` for bytes that are no node. Ids and hashes are views into `row`. */
export function decodeNode(row: Uint8Array): TrieNode {
  const reader = new BorshReader(row);
  if (reader.tag(2) === 0) {
    const bucket = emptyBucket();
    for (let left = reader.u8(); left > 0; left--) {
      bucket.ids.push(reader.fixed(ID));
      bucket.hashes.push(reader.fixed(HASH));
    }
    reader.end();
    return bucket;
  }
  const branch = emptyBranch();
  const present = reader.u8() | (reader.u8() << 8);
  for (let nibble = 0; nibble < 16; nibble++) {
    if ((present & (1 << nibble)) === 0) continue;
    branch.counts[nibble] = reader.u32();
    branch.hashes[nibble] = reader.fixed(HASH);
  }
  reader.end();
  return branch;
}

/** Position of `id` among ascending `ids`, or where it would stand. */
export function positionOf(ids: readonly Uint8Array[], id: Uint8Array): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(ids[middle]!, id) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
