/** Maps: an entry per key, the later write of a key wins. A sorted map differs in the order in which it is told. */
import type { MapCalls } from "../contract.ts";
import { ENTRY } from "../kinds.ts";
import { idFrom, readPair, writePair, type Pair } from "../payloads.ts";
import type { State } from "../state.ts";
import { create, createWithId, entries, listOf, open, put } from "./entries.ts";

export function mapCalls(state: State, name: "map" | "sortedMap"): MapCalls {
  const find = (id: Uint8Array, key: Uint8Array): Uint8Array | undefined => {
    open(state, name, id);
    const write = state.live(id, idFrom("mapEntry", id, key));
    return write === undefined ? undefined : readPair(write.data).value;
  };
  return {
    create: () => create(state, name),
    createWithId: (id) => createWithId(state, name, id),
    get: find,
    insert(id, key, value) {
      const before = find(id, key);
      put(state, id, "mapEntry", writePair("mapEntry", { key, value }));
      return before;
    },
    remove(id, key) {
      const before = find(id, key);
      if (before !== undefined) put(state, id, "mapEntry", tombstone(key), true);
      return before;
    },
    contains: (id, key) => find(id, key) !== undefined,
    iter(id) {
      open(state, name, id);
      const pairs = [...entries(state, id, ENTRY.mapEntry)].map(({ data }) => readPair(data));
      if (name === "sortedMap") pairs.sort(byKey);
      return listOf(
        pairs.flatMap(({ key, value }) => [key, value]),
        2,
      );
    },
  };
}

/** A deleted entry keeps its key, from which its id follows, and nothing else. */
const tombstone = (key: Uint8Array): Uint8Array => writePair("mapEntry", { key, value: new Uint8Array() });

const byKey = (a: Pair, b: Pair): number => Buffer.compare(a.key, b.key);
