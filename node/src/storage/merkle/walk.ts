/** Reading a state tree of either layout from its rows: every entity in it, and whether its hashes are what they must be. */
import { sha256 } from "../../model/sha256.ts";
import { decodeEntityIndex, hashWithChildren, inHashOrder, type EntityIndex } from "./entity-index.ts";
import { collectionHash, decodeEntity, ownHash } from "./entity-row.ts";
import type { Leaf } from "./recompute.ts";
import { entityKey, guestEntryKey, guestIndexKey, nodeKey, ROW } from "./row-keys.ts";
import { BUCKET, countOf, decodeNode, encodeNode, type TrieNode } from "./trie-node.ts";

/** A row of the context by its key, without the context's prefix. */
export type GetRow = (key: Uint8Array) => Uint8Array | undefined;

/** An entity of the tree with the keys of its rows. */
export interface TreeEntity {
  readonly id: Uint8Array;
  readonly parent: Uint8Array | undefined;
  readonly hash: Uint8Array;
  readonly rows: readonly Uint8Array[];
}

export type Verification =
  | { readonly ok: true; readonly root: Uint8Array; readonly entities: number }
  /** `where`: the id of an entity or a node's path within its trie, in hex. */
  | { readonly ok: false; readonly where: string; readonly problem: string };

class Problem extends Error {
  readonly where: string;
  constructor(where: string, problem: string) {
    super(problem);
    this.where = where;
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const same = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && Buffer.compare(a, b) === 0;

/** Recomputes every hash of the context's tree from its rows; the root, or the first thing that is wrong and where. */
export function verifyTree(get: GetRow, context: Uint8Array): Verification {
  const steps = verifySteps(get, context, Infinity);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * As `verifyTree`, but stops after every `pace` entities and goes on when it is asked to: who verifies a large state lets others
 * have the thread between. Needs no more memory than one node of each level. Yields how many entities were verified.
 */
export function* verifySteps(get: GetRow, context: Uint8Array, pace: number): Generator<number, Verification> {
  let entities = 0;
  try {
    let root = new Uint8Array(32);
    for (const entity of walk(get, context, true)) {
      entities += 1;
      if (entity.parent === undefined) root = Uint8Array.from(entity.hash);
      if (entities % pace === 0) yield entities;
    }
    return { ok: true, root, entities };
  } catch (thrown) {
    if (thrown instanceof Problem) return { ok: false, where: thrown.where, problem: thrown.message };
    throw thrown;
  }
}

/** Every entity, children before their parents; the last one is the context itself. Throws where a row is missing or unreadable. */
export function entitiesOf(get: GetRow, context: Uint8Array): Generator<TreeEntity> {
  return walk(get, context, false);
}

function* walk(get: GetRow, context: Uint8Array, check: boolean): Generator<TreeEntity> {
  const root = get(guestIndexKey(context));
  if (root === undefined) yield* walkHost(get, context, check);
  else yield* walkGuest(get, context, check);
}

function* walkHost(get: GetRow, context: Uint8Array, check: boolean): Generator<TreeEntity> {
  const leaves = leavesOf(get, context, check);
  let step = leaves.next();
  for (; step.done !== true; step = leaves.next()) {
    const { id, hash } = step.value;
    const key = entityKey(ROW.collection, id);
    const { write } = readEntity(get, key, id, context);
    const trieRoot = yield* walkEntries(get, id, check);
    const full = collectionHash(write, trieRoot);
    if (check && !same(hash, full)) throw new Problem(hex(id), "the context has another hash of this collection");
    yield { id, parent: context, hash: full, rows: [key] };
  }
  yield { id: context, parent: undefined, hash: step.value ?? new Uint8Array(32), rows: [] };
}

function* walkEntries(
  get: GetRow,
  collection: Uint8Array,
  check: boolean,
): Generator<TreeEntity, Uint8Array | undefined> {
  const leaves = leavesOf(get, collection, check);
  let step = leaves.next();
  for (; step.done !== true; step = leaves.next()) {
    const { id, hash } = step.value;
    const key = entityKey(ROW.entry, id);
    const { write } = readEntity(get, key, id, collection);
    if (check && !same(hash, ownHash(write)))
      throw new Problem(hex(id), "the collection has another hash of this entry");
    yield { id, parent: collection, hash, rows: [key] };
  }
  return step.value;
}

function readEntity(get: GetRow, key: Uint8Array, id: Uint8Array, parent: Uint8Array): ReturnType<typeof decodeEntity> {
  const row = get(key);
  if (row === undefined) throw new Problem(hex(id), "the row of this entity is missing");
  let entity;
  try {
    entity = decodeEntity(id, row);
  } catch {
    throw new Problem(hex(id), "the row of this entity cannot be read");
  }
  if (!same(entity.parent, parent)) throw new Problem(hex(id), "the entity belongs to another parent");
  if (entity.write.deleted) throw new Problem(hex(id), "the entity is deleted but still in the tree");
  return entity;
}

/** The entries of a trie from its stored nodes, one after the other; the root's hash at the end, undefined for an empty one. */
function* leavesOf(get: GetRow, owner: Uint8Array, check: boolean): Generator<Leaf, Uint8Array | undefined> {
  if (get(nodeKey(ROW.node, owner, "")) === undefined) return undefined;
  return (yield* leavesBelow(get, owner, "", check)).hash;
}

/** Each node is held to the form that its entries alone give it, and to what its parent says of it. */
function* leavesBelow(
  get: GetRow,
  owner: Uint8Array,
  path: string,
  check: boolean,
): Generator<Leaf, { readonly count: number; readonly hash: Uint8Array }> {
  const where = `${hex(owner)}/${path}`;
  const row = get(nodeKey(ROW.node, owner, path));
  if (row === undefined) throw new Problem(where, "the node is missing");
  let node;
  try {
    node = decodeNode(row);
  } catch {
    throw new Problem(where, "the node cannot be read");
  }
  const count = countOf(node);
  if (check && !isCanonical(node, row, path)) throw new Problem(where, "the node is not what its entries make it");
  if (node.kind === "bucket") {
    for (const [at, id] of node.ids.entries()) yield { id, hash: node.hashes[at]! };
    return { count, hash: sha256(row) };
  }
  if (path.length >= LAST_DEPTH) throw new Problem(where, "the node is deeper than ids are long");
  for (let nibble = 0; nibble < 16; nibble++) {
    if (node.counts[nibble] === 0) continue;
    const below = yield* leavesBelow(get, owner, path + nibble.toString(16), check);
    if (check && (below.count !== node.counts[nibble] || !same(node.hashes[nibble], below.hash))) {
      throw new Problem(`${where}${nibble.toString(16)}`, "the node is not the one that its parent names");
    }
  }
  return { count, hash: sha256(row) };
}

/** Nibbles above the last one of an id: the longest path of a branch. */
const LAST_DEPTH = 63;

/** Whether a node is a bucket if and only if its entries fit into one, and says each thing once and in order. */
function isCanonical(node: TrieNode, row: Uint8Array, path: string): boolean {
  const count = countOf(node);
  if (node.kind === "branch") return count > BUCKET && same(encodeNode(node), row);
  if (count === 0 || count > BUCKET) return false;
  return node.ids.every(
    (id, at) => hex(id).startsWith(path) && (at === 0 || Buffer.compare(node.ids[at - 1]!, id) < 0),
  );
}

interface Visit {
  readonly index: EntityIndex;
  next: number;
}

/** Without recursion: an app may nest as deep as it likes. */
function* walkGuest(get: GetRow, context: Uint8Array, check: boolean): Generator<TreeEntity> {
  const path: Visit[] = [{ index: readIndex(get, context), next: 0 }];
  const open = new Set([hex(context)]);
  for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
    const child = visit.index.children[visit.next];
    if (child !== undefined) {
      visit.next += 1;
      if (open.has(hex(child.id))) throw new Problem(hex(child.id), "the entity is its own ancestor");
      const index = readIndex(get, child.id);
      if (check && !same(child.hash, index.fullHash)) {
        throw new Problem(hex(child.id), "the parent has another hash of this entity");
      }
      open.add(hex(child.id));
      path.push({ index, next: 0 });
      continue;
    }
    path.pop();
    const { index } = visit;
    open.delete(hex(index.id));
    if (check) checkGuest(get, index);
    const rows = [guestIndexKey(index.id), guestEntryKey(index.id)];
    yield { id: index.id, parent: path.at(-1)?.index.id, hash: index.fullHash, rows };
  }
}

function readIndex(get: GetRow, id: Uint8Array): EntityIndex {
  const row = get(guestIndexKey(id));
  if (row === undefined) throw new Problem(hex(id), "the index of this entity is missing");
  const index = decodeEntityIndex(row);
  if (index === undefined) throw new Problem(hex(id), "the index of this entity cannot be read");
  if (!same(index.id, id)) throw new Problem(hex(id), "the index is of another entity");
  // Guests leave the time of deletion on an entity that is written again, and hash it like any other.
  return index;
}

function checkGuest(get: GetRow, index: EntityIndex): void {
  const value = get(guestEntryKey(index.id));
  // An entity without a value has the own hash that the guest gave it.
  if (value !== undefined && !same(index.ownHash, sha256(value))) {
    throw new Problem(hex(index.id), "the entity has another value than its hash says");
  }
  if (!same(index.fullHash, hashWithChildren(index.ownHash, inHashOrder(index)))) {
    throw new Problem(hex(index.id), "the entity's hash is not that of its children");
  }
}
