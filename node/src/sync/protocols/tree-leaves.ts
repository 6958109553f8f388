/**
 * Ids with hashes as the trie over them, whichever way they are kept: the host has the trie's nodes in rows, a guest has one list
 * in its index. The shape follows from the ids alone, so both sides of a comparison have the same nodes where they have the same ids.
 */
import { sha256 } from "../../model/sha256.ts";
import type { EntityIndex } from "../../storage/merkle/entity-index.ts";
import { expectedNode, type Leaf } from "../../storage/merkle/recompute.ts";
import { nodeKey, type TrieRow } from "../../storage/merkle/row-keys.ts";
import { BUCKET, countOf, decodeNode, emptyBucket, encodeNode, type TrieNode } from "../../storage/merkle/trie-node.ts";
import type { GetRow } from "./contract.ts";
import { MAX_DEPTH, wrong } from "./tree-wire.ts";

export const hexOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
export const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
export const digit = (nibble: number): string => nibble.toString(16);

export interface Leaves {
  /** The node over what begins with `path`; undefined where nothing does. */
  node(path: string): TrieNode | undefined;
  /** What begins with `path`, ascending; undefined where that is more than `limit`. */
  below(path: string, limit: number): readonly Leaf[] | undefined;
}

/** The host's layout. */
export function leavesOfRows(get: GetRow, row: TrieRow, owner: Uint8Array): Leaves {
  const stored = (path: string): TrieNode | undefined => {
    const bytes = get(nodeKey(row, owner, path));
    return bytes === undefined ? undefined : decodeNode(bytes);
  };
  const node = (path: string): TrieNode | undefined => {
    const found = stored(path);
    if (found !== undefined) return found;
    for (let depth = path.length - 1; depth >= 0; depth--) {
      const above = stored(path.slice(0, depth));
      if (above !== undefined) return above.kind === "bucket" ? part(above, path) : undefined;
    }
    return undefined;
  };
  const below = (path: string, limit: number): readonly Leaf[] | undefined => {
    const found: Leaf[] = [];
    const paths = [path];
    for (let next = paths.pop(); next !== undefined; next = paths.pop()) {
      const at = node(next);
      if (at === undefined) continue;
      if (found.length + countOf(at) > limit) return undefined;
      if (at.kind === "bucket") {
        for (const [n, id] of at.ids.entries()) found.push({ id, hash: at.hashes[n]! });
        continue;
      }
      for (let nibble = 15; nibble >= 0; nibble--) if (at.counts[nibble]! > 0) paths.push(next + digit(nibble));
    }
    return found;
  };
  return { node, below };
}

/** Of a bucket, what begins with `path`. */
function part(bucket: TrieNode & { kind: "bucket" }, path: string): TrieNode | undefined {
  const found = emptyBucket();
  for (const [at, id] of bucket.ids.entries()) {
    if (!hexOf(id).startsWith(path)) continue;
    found.ids.push(id);
    found.hashes.push(bucket.hashes[at]!);
  }
  return found.ids.length === 0 ? undefined : found;
}

/** A guest's children. */
export function leavesOfList(children: EntityIndex["children"]): Leaves {
  const sorted = children.toSorted((a, b) => Buffer.compare(a.id, b.id));
  const range = (path: string): readonly Leaf[] => {
    if (path === "") return sorted;
    const [from, to] = [path.padEnd(MAX_DEPTH, "0"), path.padEnd(MAX_DEPTH, "f")].map((id) => Buffer.from(id, "hex"));
    const start = firstAt(sorted, from!);
    let end = firstAt(sorted, to!);
    if (end < sorted.length && same(sorted[end]!.id, to)) end += 1;
    return sorted.slice(start, end);
  };
  return {
    node(path) {
      const leaves = range(path);
      return leaves.length === 0 ? undefined : decodeNode(expectedNode(leaves, path.length));
    },
    below(path, limit) {
      const leaves = range(path);
      return leaves.length > limit ? undefined : leaves;
    },
  };
}

function firstAt(leaves: readonly Leaf[], id: Uint8Array): number {
  let [low, high] = [0, leaves.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(leaves[middle]!.id, id) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A child of a node: how many entries are below it, and its hash. */
export interface Below {
  readonly count: number;
  readonly hash: Uint8Array;
}

/** What of a node is below one of its nibbles; undefined for nothing. */
export function belowNibble(node: TrieNode | undefined, path: string, nibble: number): Below | undefined {
  if (node === undefined) return undefined;
  if (node.kind === "branch") {
    const count = node.counts[nibble]!;
    return count === 0 ? undefined : { count, hash: node.hashes[nibble]! };
  }
  const found = part(node, path + digit(nibble));
  return found === undefined ? undefined : { count: countOf(found), hash: sha256(encodeNode(found)) };
}

/** A node that came from a peer; throws `invalid_argument` where it is not the one expected, or no node of any trie. */
export function readNode(row: Uint8Array, path: string, expected: Below | undefined): TrieNode {
  if (expected !== undefined && !same(sha256(row), expected.hash)) throw wrong("the node that its parent names");
  const node = decodeNode(row);
  const count = countOf(node);
  if (expected !== undefined && count !== expected.count) throw wrong("as many entries as the node's parent names");
  if (node.kind === "bucket") ascending(node.ids, path);
  if (count === 0 || node.kind === "branch" ? count <= BUCKET : count > BUCKET) throw wrong("a node of its size");
  if (node.kind === "branch" && path.length >= MAX_DEPTH - 1) throw wrong("an end");
  if (!same(encodeNode(node), row)) throw wrong("one form of a node");
  return node;
}

/** All leaves below a node, from a peer; throws as `readNode` does. */
export function readLeaves(bytes: Uint8Array, path: string, expected: Below): readonly Leaf[] {
  if (bytes.length !== expected.count * 64) throw wrong("as many leaves as the node's parent names");
  const leaves: Leaf[] = [];
  for (let at = 0; at < bytes.length; at += 64) {
    leaves.push({ id: bytes.subarray(at, at + 32), hash: bytes.subarray(at + 32, at + 64) });
  }
  ascending(
    leaves.map(({ id }) => id),
    path,
  );
  if (!same(sha256(expectedNode(leaves, path.length)), expected.hash)) throw wrong("the leaves that their node names");
  return leaves;
}

export function writeLeaves(leaves: readonly Leaf[]): Uint8Array {
  return Buffer.concat(leaves.flatMap(({ id, hash }) => [id, hash]));
}

/** Ids from a peer: each once, in order, below `path`. */
export function ascending(ids: readonly Uint8Array[], path: string): void {
  for (const [at, id] of ids.entries()) {
    if (!hexOf(id).startsWith(path)) throw wrong("ids below their node's path");
    if (at > 0 && Buffer.compare(ids[at - 1]!, id) >= 0) throw wrong("ids in ascending order");
  }
}
