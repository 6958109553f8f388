/**
 * Authored maps: an entry per key and owner, which its owner signs. A key is owned by who wrote it first; entries of others
 * under that key (inserted at the same time elsewhere) are kept and not read, so no signature has to be overruled.
 */
import type { Write } from "../../storage/merkle/entity-row.ts";
import type { AuthoredMapCalls } from "../contract.ts";
import { CollectionError } from "../error.ts";
import { ENTRY } from "../kinds.ts";
import { authoredPrefix, readPair, writePair } from "../payloads.ts";
import type { State } from "../state.ts";
import { create, createWithId, entries, listOf, open, put, u64 } from "./entries.ts";

const NAME = "authoredMap";
/** Hex digits of an entry's id that say its key. */
const PREFIX_DIGITS = 32;

interface Found {
  readonly owner: Uint8Array;
  readonly value: Uint8Array;
}

export function authoredMapCalls(state: State): AuthoredMapCalls {
  const find = (id: Uint8Array, key: Uint8Array): Found | undefined => {
    open(state, NAME, id);
    const writes: Write[] = [];
    for (const entry of state.trie(id).idsWith(authoredPrefix(id, key))) {
      const write = state.live(id, entry);
      if (write?.data[0] === ENTRY.authoredEntry && Buffer.compare(readPair(write.data).key, key) === 0)
        writes.push(write);
    }
    const first = firstOf(writes);
    return first === undefined ? undefined : { owner: first.owner!, value: readPair(first.data).value };
  };
  const own = (id: Uint8Array, key: Uint8Array): Found | undefined => {
    const found = find(id, key);
    if (found === undefined || isOwn(state, found.owner)) return found;
    throw new CollectionError("only the owner of an entry may change it", "permission_denied");
  };
  const write = (id: Uint8Array, key: Uint8Array, value: Uint8Array, deleted: boolean): Uint8Array =>
    put(state, id, "authoredEntry", writePair("authoredEntry", { key, value }), deleted);
  return {
    create: () => create(state, NAME),
    createWithId: (id) => createWithId(state, NAME, id),
    get: (id, key) => find(id, key)?.value,
    insert(id, key, value) {
      if (find(id, key) !== undefined) throw new CollectionError("the key is taken", "already_exists");
      write(id, key, value, false);
      return undefined;
    },
    update(id, key, value) {
      const before = own(id, key);
      if (before === undefined) throw new CollectionError("there is no entry under the key", "not_found");
      write(id, key, value, false);
      return before.value;
    },
    remove(id, key) {
      const before = own(id, key);
      if (before !== undefined) write(id, key, new Uint8Array(), true);
      return before?.value;
    },
    contains: (id, key) => find(id, key) !== undefined,
    ownerOf: (id, key) => find(id, key)?.owner,
    ownedByMe(id, key) {
      const found = find(id, key);
      return found !== undefined && isOwn(state, found.owner);
    },
    iter(id) {
      open(state, NAME, id);
      const parts = groups(state, id).flatMap(({ key, value }) => [key, value]);
      return listOf(parts, 2);
    },
    len(id) {
      open(state, NAME, id);
      return u64(keysOf(state, id));
    },
  };
}

/** The entry that counts of each key, in the order of ids. */
function groups(state: State, id: Uint8Array): { key: Uint8Array; value: Uint8Array }[] {
  const byKey = new Map<string, Write[]>();
  for (const write of entries(state, id, ENTRY.authoredEntry)) {
    const key = Buffer.from(readPair(write.data).key).toString("latin1");
    const others = byKey.get(key);
    if (others === undefined) byKey.set(key, [write]);
    else others.push(write);
  }
  return [...byKey.values()].map((writes) => readPair(firstOf(writes)!.data));
}

/** Keys that somebody has an entry under, told apart by their ids alone. */
function keysOf(state: State, id: Uint8Array): number {
  let keys = 0;
  let last = "";
  for (const entry of state.trie(id).ids()) {
    const prefix = Buffer.from(entry).toString("hex").slice(0, PREFIX_DIGITS);
    if (prefix !== last) keys += 1;
    last = prefix;
  }
  return keys;
}

/** Who wrote first; of two at one time the smaller key. Merging keeps the first stamp of each owner: see `join.ts`. */
function firstOf(writes: readonly Write[]): Write | undefined {
  let first: Write | undefined;
  for (const write of writes) {
    if (write.owner === undefined) continue;
    if (first === undefined || isBefore(write, first)) first = write;
  }
  return first;
}

function isBefore(a: Write, b: Write): boolean {
  return a.createdAt === b.createdAt ? Buffer.compare(a.owner!, b.owner!) < 0 : a.createdAt < b.createdAt;
}

const isOwn = (state: State, owner: Uint8Array): boolean => Buffer.compare(owner, state.env.executor) === 0;
