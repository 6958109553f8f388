/**
 * Comparing what Rust apps write: an entity's own hash, then its children, however many and however deep. Nothing here recurses,
 * and where there is one way down the peer is asked to send ahead.
 */
import { decodeEntityIndex, type EntityIndex } from "../../storage/merkle/entity-index.ts";
import { guestEntryKey, guestIndexKey } from "../../storage/merkle/row-keys.ts";
import type { Metadata } from "../../crdt/metadata.ts";
import { sha256 } from "../../model/sha256.ts";
import type { GetRow } from "./contract.ts";
import type { GuestEntity, Strategy } from "./tree-contract.ts";
import type { Edge, Place, Standing } from "./tree-edge.ts";
import { readGuestEntity, readGuestIndex } from "./tree-guest-wire.ts";
import { hexOf, leavesOfList, same } from "./tree-leaves.ts";
import { later, type Answers, type Task } from "./tree-tasks.ts";
import type { Tellings } from "./tree-tellings.ts";
import { compareLeaves, compareRoots, type TrieWalk } from "./tree-trie.ts";
import { wrong } from "./tree-wire.ts";

interface GuestWalk {
  readonly get: GetRow;
  readonly context: Uint8Array;
  readonly tellings: Tellings;
  readonly strategy: Strategy | undefined;
}

/** A place that remembers what its entity says of itself: the actions of its children name it. */
interface GuestPlace extends Place {
  readonly up: GuestPlace | undefined;
  metadata: Metadata | undefined;
}

export function guestTasks(walk: GuestWalk, edge: Edge | undefined): readonly Task[] {
  const place: GuestPlace = { up: undefined, hex: hexOf(walk.context), metadata: undefined };
  return [indexTask(walk, place, walk.context, undefined, { told: edge !== undefined, edge })];
}

/** `hash`: the peer's, undefined where its tree lacks the entity: it may have deleted it. */
function indexTask(
  walk: GuestWalk,
  place: GuestPlace,
  id: Uint8Array,
  hash: Uint8Array | undefined,
  { told, edge }: Standing,
): Task {
  return {
    asks: [{ kind: "index", id, path: "" }],
    take([item]: Answers) {
      if (item === undefined && hash !== undefined) throw wrong("the index that its parent names");
      const theirs = item === undefined ? undefined : readGuestIndex(item, hash);
      const mine = indexOf(walk.get, id);
      place.metadata = mine?.metadata;
      const isSame = same(mine?.ownHash, theirs?.ownHash) && mine?.deletedAt === theirs?.deletedAt;
      const tasks: Task[] = isSame || told ? [] : [entityTask(walk, place, id, theirs?.ownHash)];
      const trie: TrieWalk = {
        kind: "children",
        owner: id,
        mine: leavesOfList(mine?.children ?? []),
        edge,
        strategy: walk.strategy,
        differs(child, expected, standing) {
          const below: GuestPlace = { up: place, hex: hexOf(child), metadata: undefined };
          return [indexTask(walk, below, child, expected, standing)];
        },
      };
      const children = theirs?.children ?? [];
      tasks.push(...("kind" in children ? compareRoots(trie, children) : compareLeaves(trie, "", children)));
      return tasks;
    },
  };
}

function indexOf(get: GetRow, id: Uint8Array): EntityIndex | undefined {
  const row = get(guestIndexKey(id));
  return row === undefined ? undefined : decodeEntityIndex(row);
}

function entityTask(walk: GuestWalk, place: GuestPlace, id: Uint8Array, ownHash: Uint8Array | undefined): Task {
  return {
    asks: [{ kind: "entity", id, path: "" }],
    take([item]: Answers) {
      if (item === undefined && ownHash !== undefined) throw wrong("the entity of its index");
      const theirs = item === undefined ? undefined : readGuestEntity(id, item);
      const isValue = theirs?.value === undefined || ownHash === undefined || same(sha256(theirs.value), ownHash);
      if (!isValue) throw wrong("the value that its entity's hash is over");
      return [later(() => tell(walk, place, theirs, id))];
    },
  };
}

function tell(walk: GuestWalk, place: GuestPlace, theirs: GuestEntity | undefined, id: Uint8Array): void {
  const mine = entityOf(walk.get, id);
  place.metadata ??= theirs?.metadata;
  const parent = place.up?.metadata;
  walk.tellings.tell(
    place,
    theirs === undefined ? undefined : { kind: "guest", entity: theirs, parent },
    mine === undefined ? undefined : { kind: "guest", entity: mine, parent },
    (theirs?.value?.length ?? 0) + (mine?.value?.length ?? 0) + OVERHEAD,
  );
}

/** Bytes of an entity beside its value. */
const OVERHEAD = 512;

function entityOf(get: GetRow, id: Uint8Array): GuestEntity | undefined {
  const index = indexOf(get, id);
  if (index === undefined) return undefined;
  const { layout, parent, metadata, deletedAt } = index;
  return { layout, id, parent, metadata, deletedAt, value: get(guestEntryKey(id)) };
}
