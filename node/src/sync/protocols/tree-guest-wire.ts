/** A guest's index and entity as they travel: the index without what its children say of themselves, the entity without its children. */
import type { Layout } from "../../crdt/metadata.ts";
import { readMetadata, writeMetadata } from "../../crdt/metadata.ts";
import { BorshReader, BorshWriter } from "../../model/borsh.ts";
import { hashWithChildren, inHashOrder, type EntityIndex } from "../../storage/merkle/entity-index.ts";
import { expectedNode, type Leaf } from "../../storage/merkle/recompute.ts";
import type { GuestEntity } from "./tree-contract.ts";
import { ascending, readNode, same } from "./tree-leaves.ts";
import { wrong } from "./tree-wire.ts";
import type { TrieNode } from "../../storage/merkle/trie-node.ts";

/** Children that are told with their parent; more are told in nodes. */
const LISTED = 256;
const LAYOUTS: readonly Layout[] = ["G2", "G2+", "G3"];

interface GuestIndex {
  readonly fullHash: Uint8Array;
  readonly ownHash: Uint8Array;
  readonly deletedAt: bigint | undefined;
  /** All of them, by id; or the node over them where they are many. */
  readonly children: readonly Leaf[] | TrieNode;
}

export function writeGuestIndex(index: EntityIndex): Uint8Array {
  const writer = new BorshWriter()
    .fixed(index.fullHash)
    .fixed(index.ownHash)
    .option(index.deletedAt, (inner, at) => inner.u64(at))
    .u32(index.children.length);
  if (index.children.length <= LISTED) {
    for (const { id, hash } of inHashOrder(index)) writer.fixed(id).fixed(hash);
  } else {
    const byId = index.children.toSorted((a, b) => Buffer.compare(a.id, b.id));
    writer.bytes(expectedNode(byId, 0));
  }
  return writer.done();
}

/**
 * Throws `invalid_argument` where it does not hash to `expected`. The nodes of a long list are not in that hash, which is over
 * all children at once: who lies there makes us ask in vain, up to the bounds, and the entities are judged by themselves.
 */
export function readGuestIndex(bytes: Uint8Array, expected: Uint8Array | undefined): GuestIndex {
  const reader = new BorshReader(bytes);
  const [fullHash, ownHash] = [reader.fixed(32), reader.fixed(32)];
  if (expected !== undefined && !same(fullHash, expected)) throw wrong("the index that its parent names");
  const deletedAt = reader.option((inner) => inner.u64());
  const count = reader.u32();
  if (count > LISTED) {
    const row = reader.bytes();
    reader.end();
    return { fullHash, ownHash, deletedAt, children: readNode(row, "", undefined) };
  }
  const children: Leaf[] = [];
  for (let n = 0; n < count; n++) children.push({ id: reader.fixed(32), hash: reader.fixed(32) });
  reader.end();
  // A tombstone's hashes are of the time before it was one.
  if (expected !== undefined && !same(hashWithChildren(ownHash, children), fullHash))
    throw wrong("children that their parent's hash is over");
  children.sort((a, b) => Buffer.compare(a.id, b.id));
  ascending(
    children.map(({ id }) => id),
    "",
  );
  return { fullHash, ownHash, deletedAt, children };
}

export function writeGuestEntity(index: EntityIndex, value: Uint8Array | undefined): Uint8Array {
  const { layout, parent, metadata, deletedAt } = index;
  const writer = new BorshWriter().u8(LAYOUTS.indexOf(layout)).option(parent, (inner, id) => inner.fixed(id));
  writeMetadata(writer, metadata, layout);
  return writer
    .option(deletedAt, (inner, at) => inner.u64(at))
    .option(value, (inner, bytes) => inner.bytes(bytes))
    .done();
}

/** Throws `invalid_argument` for bytes that are no entity. */
export function readGuestEntity(id: Uint8Array, bytes: Uint8Array): GuestEntity {
  const reader = new BorshReader(bytes);
  const layout = LAYOUTS[reader.tag(LAYOUTS.length)]!;
  const parent = reader.option((inner) => inner.fixed(32));
  const metadata = readMetadata(reader, layout);
  const deletedAt = reader.option((inner) => inner.u64());
  const value = reader.option((inner) => inner.bytes());
  reader.end();
  return { layout, id, parent, metadata, deletedAt, value };
}
