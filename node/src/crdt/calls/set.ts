/** Sets: an entry per value. A sorted set differs in the order in which it is told. */
import { sha256 } from "../../model/sha256.ts";
import type { SetCalls } from "../contract.ts";
import { ENTRY } from "../kinds.ts";
import { idFrom, readValue, writeValue } from "../payloads.ts";
import type { State } from "../state.ts";
import { clear, create, createWithId, entries, listOf, open, put, u64 } from "./entries.ts";

export function setCalls(state: State, name: "set" | "sortedSet"): SetCalls {
  const has = (id: Uint8Array, value: Uint8Array): boolean => {
    open(state, name, id);
    return state.live(id, idFrom("setEntry", id, sha256(value))) !== undefined;
  };
  return {
    create: () => create(state, name),
    createWithId: (id) => createWithId(state, name, id),
    insert(id, value) {
      if (has(id, value)) return false;
      put(state, id, "setEntry", writeValue("setEntry", value));
      return true;
    },
    contains: has,
    remove(id, value) {
      if (!has(id, value)) return false;
      put(state, id, "setEntry", writeValue("setEntry", value), true);
      return true;
    },
    len(id) {
      open(state, name, id);
      return u64(state.trie(id).count);
    },
    iter(id) {
      open(state, name, id);
      const values = [...entries(state, id, ENTRY.setEntry)].map(({ data }) => readValue(data));
      if (name === "sortedSet") values.sort((a, b) => Buffer.compare(a, b));
      return listOf(values);
    },
    clear(id) {
      open(state, name, id);
      clear(state, id, "setEntry");
    },
  };
}
