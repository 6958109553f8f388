/** Frozen storage: values under their hash, for good. */
import { sha256 } from "../../model/sha256.ts";
import type { FrozenStorageCalls } from "../contract.ts";
import { idFrom, readValue, writeValue } from "../payloads.ts";
import type { State } from "../state.ts";
import { create, createWithId, open, put } from "./entries.ts";

export function frozenStorageCalls(state: State): FrozenStorageCalls {
  const find = (id: Uint8Array, hash: Uint8Array): Uint8Array | undefined => {
    open(state, "frozenStorage", id);
    const write = state.live(id, idFrom("frozenValue", id, hash));
    return write === undefined ? undefined : readValue(write.data);
  };
  return {
    create: () => create(state, "frozenStorage"),
    createWithId: (id) => createWithId(state, "frozenStorage", id),
    add(id, value) {
      const hash = sha256(value);
      if (find(id, hash) === undefined) put(state, id, "frozenValue", writeValue("frozenValue", value));
      return hash;
    },
    get: find,
    contains: (id, hash) => find(id, hash) !== undefined,
  };
}
