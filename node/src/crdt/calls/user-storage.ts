/** User storage: a slot per account, which its owner signs. */
import type { UserStorageCalls } from "../contract.ts";
import { idFrom, readValue, writeValue } from "../payloads.ts";
import type { State } from "../state.ts";
import { create, createWithId, open, put } from "./entries.ts";

const EMPTY = new Uint8Array();

export function userStorageCalls(state: State): UserStorageCalls {
  const find = (id: Uint8Array, owner: Uint8Array): Uint8Array | undefined => {
    open(state, "userStorage", id);
    const write = state.live(id, idFrom("userSlot", id, EMPTY, owner));
    return write === undefined ? undefined : readValue(write.data);
  };
  const { executor } = state.env;
  return {
    create: () => create(state, "userStorage"),
    createWithId: (id) => createWithId(state, "userStorage", id),
    insert(id, value) {
      const before = find(id, executor);
      put(state, id, "userSlot", writeValue("userSlot", value));
      return before;
    },
    get: (id) => find(id, executor),
    getForUser: find,
    remove(id) {
      const before = find(id, executor);
      if (before !== undefined) put(state, id, "userSlot", writeValue("userSlot", EMPTY), true);
      return before;
    },
    contains: (id) => find(id, executor) !== undefined,
    containsUser: (id, owner) => find(id, owner) !== undefined,
  };
}
