/**
 * Authored vectors: elements that their owners sign. Elements that two owners pushed at one time stand side by side, the
 * same way round everywhere. An element is emptied, never taken out, so that indices stay.
 */
import type { Write } from "../../storage/merkle/entity-row.ts";
import type { AuthoredVectorCalls } from "../contract.ts";
import { CollectionError } from "../error.ts";
import { ENTRY } from "../kinds.ts";
import { readPlaced, writePlaced } from "../payloads.ts";
import type { State } from "../state.ts";
import { create, createWithId, entries, listOf, open, put, u64 } from "./entries.ts";

const NAME = "authoredVector";

export function authoredVectorCalls(state: State): AuthoredVectorCalls {
  const at = (id: Uint8Array, index: bigint): Write | undefined => {
    open(state, NAME, id);
    const trie = state.trie(id);
    const element = index < BigInt(trie.count) ? trie.at(Number(index)) : undefined;
    const write = element === undefined ? undefined : state.live(id, element);
    return write?.data[0] === ENTRY.authoredElement ? write : undefined;
  };
  const isOwn = (write: Write): boolean =>
    write.owner !== undefined && Buffer.compare(write.owner, state.env.executor) === 0;
  const replace = (id: Uint8Array, index: bigint, value: Uint8Array): Uint8Array => {
    const write = at(id, index);
    if (write === undefined) throw new CollectionError(`there is no element ${index}`, "not_found");
    if (!isOwn(write)) throw new CollectionError("only the owner of an element may change it", "permission_denied");
    const placed = readPlaced(write.data);
    put(state, id, "authoredElement", writePlaced("authoredElement", { ...placed, value }));
    return placed.value;
  };
  return {
    create: () => create(state, NAME),
    createWithId: (id) => createWithId(state, NAME, id),
    push(id, value) {
      open(state, NAME, id);
      const { count } = state.trie(id);
      const last = at(id, BigInt(count - 1));
      const index = (last === undefined ? -1n : readPlaced(last.data).index) + 1n;
      put(state, id, "authoredElement", writePlaced("authoredElement", { index, value }));
      return u64(count);
    },
    update: replace,
    tombstone: (id, index) => replace(id, index, new Uint8Array()),
    get(id, index) {
      const write = at(id, index);
      return write === undefined ? undefined : readPlaced(write.data).value;
    },
    ownerOf: (id, index) => at(id, index)?.owner,
    ownedByMe(id, index) {
      const write = at(id, index);
      return write !== undefined && isOwn(write);
    },
    iter(id) {
      open(state, NAME, id);
      return listOf([...entries(state, id, ENTRY.authoredElement)].map(({ data }) => readPlaced(data).value));
    },
    len(id) {
      open(state, NAME, id);
      return u64(state.trie(id).count);
    },
  };
}
