/** Comparing the host's collections: the context's collections, then the entries of those that differ. */
import { join } from "../../crdt/join.ts";
import { sha256 } from "../../model/sha256.ts";
import { collectionHash, decodeEntity, ownHash, type Entity } from "../../storage/merkle/entity-row.ts";
import { entityKey, nodeKey, ROW } from "../../storage/merkle/row-keys.ts";
import type { GetRow } from "./contract.ts";
import type { Strategy } from "./tree-contract.ts";
import type { Edge, Place, Standing } from "./tree-edge.ts";
import { hexOf, leavesOfRows, readNode, same } from "./tree-leaves.ts";
import { later, type Answers, type Task } from "./tree-tasks.ts";
import type { Tellings } from "./tree-tellings.ts";
import { compareRoots, type TrieWalk } from "./tree-trie.ts";
import { wrong } from "./tree-wire.ts";

interface HostWalk {
  readonly get: GetRow;
  readonly context: Uint8Array;
  readonly tellings: Tellings;
  readonly strategy: Strategy | undefined;
}

export function hostTasks(walk: HostWalk, edge: Edge | undefined): readonly Task[] {
  const { get, context, strategy } = walk;
  const place: Place = { up: undefined, hex: hexOf(context) };
  const top: TrieWalk = {
    kind: "node",
    owner: context,
    mine: leavesOfRows(get, ROW.node, context),
    edge,
    strategy,
    differs: (id, hash, standing) => [collectionTask(walk, { up: place, hex: hexOf(id) }, id, hash, standing)],
  };
  return [
    {
      asks: [{ kind: "node", id: context, path: "" }],
      take: ([row]) => compareRoots(top, row === undefined ? undefined : readNode(row, "", undefined)),
    },
  ];
}

/**
 * Deleted or not, what is in a collection is compared: it may come back with all that is in it. Of a shared cell everything that
 * was ever written to it is, since the tree has only what counts now.
 */
function collectionTask(
  walk: HostWalk,
  place: Place,
  id: Uint8Array,
  hash: Uint8Array | undefined,
  { told, edge }: Standing,
): Task {
  return {
    asks: [
      { kind: "node", id, path: "" },
      { kind: "shared", id, path: "" },
      { kind: "collection", id, path: "" },
    ],
    take([node, shared, row]: Answers) {
      const theirs = readRow(row, id, walk.context);
      if (hash !== undefined) {
        const root = node === undefined ? undefined : sha256(node);
        if (theirs === undefined || !same(collectionHash(theirs.write, root), hash))
          throw wrong("the collection in the tree");
      }
      const first = told ? [] : [later(() => tell(walk, place, ROW.collection, id, theirs))];
      const isShared = shared !== undefined || walk.get(nodeKey(ROW.shared, id, "")) !== undefined;
      const root = isShared ? shared : node;
      const trie: TrieWalk = {
        kind: isShared ? "shared" : "node",
        owner: id,
        mine: leavesOfRows(walk.get, isShared ? ROW.shared : ROW.node, id),
        edge,
        strategy: walk.strategy,
        differs: (entry, expected, standing) =>
          standing.told ? [] : [entryTask(walk, { up: place, hex: hexOf(entry) }, id, entry, expected)],
      };
      return [...first, ...compareRoots(trie, root === undefined ? undefined : readNode(root, "", undefined))];
    },
  };
}

function entryTask(
  walk: HostWalk,
  place: Place,
  collection: Uint8Array,
  id: Uint8Array,
  hash: Uint8Array | undefined,
): Task {
  return {
    asks: [{ kind: "entry", id, path: "" }],
    take([row]: Answers) {
      const theirs = readRow(row, id, collection);
      if (hash !== undefined && (theirs === undefined || !same(ownHash(theirs.write), hash))) {
        throw wrong("the entry in the collection's tree");
      }
      return [later(() => tell(walk, place, ROW.entry, id, theirs))];
    },
  };
}

function readRow(row: Uint8Array | undefined, id: Uint8Array, parent: Uint8Array): Entity | undefined {
  if (row === undefined) return undefined;
  const entity = decodeEntity(id, row);
  if (!same(entity.parent, parent)) throw wrong("an entity of its parent");
  return entity;
}

/** Tells of an entity what would change either side: the merge decides, here only beforehand. */
function tell(
  { get, tellings }: HostWalk,
  place: Place,
  kind: typeof ROW.collection | typeof ROW.entry,
  id: Uint8Array,
  theirs: Entity | undefined,
): void {
  const row = get(entityKey(kind, id));
  const mine = row === undefined ? undefined : decodeEntity(id, row);
  const need = theirs !== undefined && changes(mine, theirs) ? theirs : undefined;
  const have = mine !== undefined && changes(theirs, mine) ? mine : undefined;
  if (need === undefined && have === undefined) return;
  const bytes = (need?.write.data.length ?? 0) + (have?.write.data.length ?? 0) + OVERHEAD;
  tellings.tell(
    place,
    need === undefined ? undefined : { kind: "host", entity: need, other: mine },
    have === undefined ? undefined : { kind: "host", entity: have, other: theirs },
    bytes,
  );
}

/** Bytes of an entity beside its data. */
const OVERHEAD = 256;

function changes(before: Entity | undefined, by: Entity): boolean {
  if (before === undefined) return true;
  let joined;
  try {
    joined = join(before.write, by.write);
  } catch {
    // Data that is none of its kind: whoever merges it refuses it.
    return true;
  }
  return (
    !same(ownHash(joined), ownHash(before.write)) ||
    (before.write.signature === undefined && joined.signature !== undefined)
  );
}
