/**
 * A trie of ids as one run changes it: its shape follows each call at once, so that it can be counted and walked, while its
 * nodes are written and hashed once, by `flush`. Nodes are read when a call comes by them, and only once.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { sha256 } from "../../model/sha256.ts";
import { nodeKey, type TrieRow } from "./row-keys.ts";
import { BUCKET, countOf, decodeNode, emptyBranch, emptyBucket, encodeNode, positionOf } from "./trie-node.ts";
import type { Branch, Bucket, TrieNode } from "./trie-node.ts";

interface Rows {
  get(key: Uint8Array): Uint8Array | undefined;
  set(key: Uint8Array, value: Uint8Array): void;
  remove(key: Uint8Array): void;
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
const nibbleAt = (hex: string, depth: number): number => Number.parseInt(hex.charAt(depth), 16);

export class Trie {
  readonly #rows: Rows;
  readonly #row: TrieRow;
  readonly #owner: Uint8Array;
  /** By path in hex digits; undefined: known not to exist. */
  readonly #nodes = new Map<string, TrieNode | undefined>();
  readonly #changed = new Set<string>();

  constructor(rows: Rows, row: TrieRow, owner: Uint8Array) {
    this.#rows = rows;
    this.#row = row;
    this.#owner = owner;
  }

  get changed(): boolean {
    return this.#changed.size > 0;
  }

  get count(): number {
    const root = this.#node("");
    return root === undefined ? 0 : countOf(root);
  }

  /** Adds `id` or gives it another hash. */
  set(id: Uint8Array, hash: Uint8Array): void {
    this.#set("", hexOf(id), id, hash);
  }

  remove(id: Uint8Array): void {
    const hex = hexOf(id);
    if (this.#find(hex, id)) this.#remove("", hex, id);
  }

  /** The id at `rank` in ascending order. */
  at(rank: number): Uint8Array | undefined {
    let path = "";
    let left = rank;
    for (;;) {
      const node = this.#node(path);
      if (node === undefined) return undefined;
      if (node.kind === "bucket") return node.ids[left];
      let nibble = 0;
      while (nibble < 16 && left >= node.counts[nibble]!) left -= node.counts[nibble++]!;
      if (nibble === 16) return undefined;
      path += nibble.toString(16);
    }
  }

  /** The ids that begin with these hex digits, ascending. */
  *idsWith(prefix: string): Generator<Uint8Array> {
    let path = "";
    let node = this.#node(path);
    while (node?.kind === "branch" && path.length < prefix.length) {
      if (node.counts[nibbleAt(prefix, path.length)] === 0) return;
      path = prefix.slice(0, path.length + 1);
      node = this.#node(path);
    }
    for (const id of this.#idsBelow(path)) if (hexOf(id).startsWith(prefix)) yield id;
  }

  /** All ids, ascending. Changes made meanwhile may or may not be seen. */
  ids(): Generator<Uint8Array> {
    return this.#idsBelow("");
  }

  *#idsBelow(from: string): Generator<Uint8Array> {
    const paths = [from];
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
      const node = this.#node(path);
      if (node === undefined) continue;
      if (node.kind === "bucket") {
        yield* node.ids;
        continue;
      }
      for (let nibble = 15; nibble >= 0; nibble--) {
        if (node.counts[nibble]! > 0) paths.push(path + nibble.toString(16));
      }
    }
  }

  /** Writes what changed; the root's hash, undefined for an empty trie. */
  flush(): Uint8Array | undefined {
    let root: Uint8Array | undefined;
    // Children before parents: a parent's row holds its children's hashes.
    for (const path of Array.from(this.#changed).sort((a, b) => b.length - a.length)) {
      const node = this.#nodes.get(path);
      const key = nodeKey(this.#row, this.#owner, path);
      if (node === undefined) {
        this.#rows.remove(key);
        continue;
      }
      const row = encodeNode(node);
      this.#rows.set(key, row);
      const hash = sha256(row);
      if (path === "") root = hash;
      else (this.#nodes.get(path.slice(0, -1)) as Branch).hashes[nibbleAt(path, path.length - 1)] = hash;
    }
    this.#changed.clear();
    if (root !== undefined) return root;
    const node = this.#node("");
    return node === undefined ? undefined : sha256(encodeNode(node));
  }

  #node(path: string): TrieNode | undefined {
    const known = this.#nodes.get(path);
    if (known !== undefined || this.#nodes.has(path)) return known;
    const row = this.#rows.get(nodeKey(this.#row, this.#owner, path));
    if (row === undefined && path !== "") {
      throw new ShoalError("internal", `node ${path} of the tree of ${hexOf(this.#owner)} is missing`);
    }
    const node = row === undefined ? undefined : decodeNode(row);
    this.#nodes.set(path, node);
    return node;
  }

  #put(path: string, node: TrieNode | undefined): void {
    this.#nodes.set(path, node);
    this.#changed.add(path);
  }

  #find(hex: string, id: Uint8Array): boolean {
    for (let depth = 0; ; depth++) {
      const node = this.#node(hex.slice(0, depth));
      if (node === undefined) return false;
      if (node.kind === "branch") {
        if (node.counts[nibbleAt(hex, depth)] === 0) return false;
        continue;
      }
      const found = node.ids[positionOf(node.ids, id)];
      return found !== undefined && Buffer.compare(found, id) === 0;
    }
  }

  /** Whether `id` is new below `path`. */
  #set(path: string, hex: string, id: Uint8Array, hash: Uint8Array): boolean {
    const node = this.#node(path) ?? emptyBucket();
    this.#put(path, node);
    if (node.kind === "bucket") {
      const at = positionOf(node.ids, id);
      const found = node.ids[at];
      const added = found === undefined || Buffer.compare(found, id) !== 0;
      node.ids.splice(at, added ? 0 : 1, id);
      node.hashes.splice(at, added ? 0 : 1, hash);
      if (node.ids.length > BUCKET) this.#split(path, node);
      return added;
    }
    const nibble = nibbleAt(hex, path.length);
    const child = path + hex.charAt(path.length);
    if (node.counts[nibble] === 0) this.#nodes.set(child, emptyBucket());
    const added = this.#set(child, hex, id, hash);
    if (added) node.counts[nibble]! += 1;
    return added;
  }

  #split(path: string, bucket: Bucket): void {
    const branch = emptyBranch();
    this.#put(path, branch);
    for (let nibble = 0; nibble < 16; nibble++) {
      const child = emptyBucket();
      for (let at = 0; at < bucket.ids.length; at++) {
        if (nibbleOf(bucket.ids[at]!, path.length) !== nibble) continue;
        child.ids.push(bucket.ids[at]!);
        child.hashes.push(bucket.hashes[at]!);
      }
      if (child.ids.length === 0) continue;
      branch.counts[nibble] = child.ids.length;
      const childPath = path + nibble.toString(16);
      this.#put(childPath, child);
      if (child.ids.length > BUCKET) this.#split(childPath, child);
    }
  }

  /** `id` is known to be below `path`. */
  #remove(path: string, hex: string, id: Uint8Array): void {
    const node = this.#node(path)!;
    if (node.kind === "bucket") {
      const at = positionOf(node.ids, id);
      node.ids.splice(at, 1);
      node.hashes.splice(at, 1);
      this.#put(path, node.ids.length === 0 ? undefined : node);
      return;
    }
    this.#remove(path + hex.charAt(path.length), hex, id);
    node.counts[nibbleAt(hex, path.length)]! -= 1;
    this.#put(path, countOf(node) > BUCKET ? node : this.#gather(path, node));
  }

  /** The bucket that a branch with few entries becomes; all its children are buckets, having no more than it. */
  #gather(path: string, branch: Branch): Bucket {
    const bucket = emptyBucket();
    for (let nibble = 0; nibble < 16; nibble++) {
      if (branch.counts[nibble] === 0) continue;
      const childPath = path + nibble.toString(16);
      const child = this.#node(childPath) as Bucket;
      bucket.ids.push(...child.ids);
      bucket.hashes.push(...child.hashes);
      this.#put(childPath, undefined);
    }
    return bucket;
  }
}

/** Nibble `depth` of an id. */
const nibbleOf = (id: Uint8Array, depth: number): number =>
  depth % 2 === 0 ? id[depth >>> 1]! >>> 4 : id[depth >>> 1]! & 15;
