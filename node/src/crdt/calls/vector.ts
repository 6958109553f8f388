/**
 * Vectors: elements at positions, merged position by position; the longer tail stays. An index counts the elements that are
 * there, so a hole (one replica took the last element while another pushed after it) is never seen.
 */
import type { VectorCalls } from "../contract.ts";
import { ENTRY } from "../kinds.ts";
import { readPlaced, writePlaced, type Placed } from "../payloads.ts";
import type { State } from "../state.ts";
import { create, createWithId, open, put, u64 } from "./entries.ts";

export function vectorCalls(state: State): VectorCalls {
  const at = (id: Uint8Array, rank: number): Placed | undefined => {
    const element = state.trie(id).at(rank);
    const write = element === undefined ? undefined : state.live(id, element);
    return write?.data[0] === ENTRY.element ? readPlaced(write.data) : undefined;
  };
  const last = (id: Uint8Array): Placed | undefined => {
    open(state, "vector", id);
    return at(id, state.trie(id).count - 1);
  };
  return {
    create: () => create(state, "vector"),
    createWithId: (id) => createWithId(state, "vector", id),
    len(id) {
      open(state, "vector", id);
      return u64(state.trie(id).count);
    },
    push(id, value) {
      const index = (last(id)?.index ?? -1n) + 1n;
      put(state, id, "element", writePlaced("element", { index, value }));
    },
    get(id, index) {
      open(state, "vector", id);
      return index < BigInt(state.trie(id).count) ? at(id, Number(index))?.value : undefined;
    },
    pop(id) {
      const element = last(id);
      if (element === undefined) return undefined;
      put(state, id, "element", writePlaced("element", { index: element.index, value: new Uint8Array() }), true);
      return element.value;
    },
  };
}
