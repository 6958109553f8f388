/** One slot per user, content that never changes, and how any collection goes. */
import type { RunState } from "../../run/run-state.ts";
import type { HostFunctions } from "../host-functions.ts";
import { flag, value } from "./answers.ts";
import { content, name } from "./arguments.ts";
import { makingFunctions } from "./making.ts";

export const jsStoreFunctions: HostFunctions = {
  ...makingFunctions("js_user_storage_", (all) => all.userStorage),
  js_user_storage_insert: (run: RunState, id: bigint, val: bigint, register: bigint) =>
    value(run, register, (all) => all.userStorage.insert(name(run, id), content(run, val))),
  js_user_storage_get: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.userStorage.get(name(run, id))),
  js_user_storage_get_for_user: (run: RunState, id: bigint, user: bigint, register: bigint) =>
    value(run, register, (all) => all.userStorage.getForUser(name(run, id), name(run, user))),
  js_user_storage_remove: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.userStorage.remove(name(run, id))),
  js_user_storage_contains: (run: RunState, id: bigint) => flag(run, (all) => all.userStorage.contains(name(run, id))),
  js_user_storage_contains_user: (run: RunState, id: bigint, user: bigint) =>
    flag(run, (all) => all.userStorage.containsUser(name(run, id), name(run, user))),

  ...makingFunctions("js_frozen_storage_", (all) => all.frozenStorage),
  js_frozen_storage_add: (run: RunState, id: bigint, val: bigint, register: bigint) =>
    value(run, register, (all) => all.frozenStorage.add(name(run, id), content(run, val))),
  js_frozen_storage_get: (run: RunState, id: bigint, hash: bigint, register: bigint) =>
    value(run, register, (all) => all.frozenStorage.get(name(run, id), name(run, hash))),
  js_frozen_storage_contains: (run: RunState, id: bigint, hash: bigint) =>
    flag(run, (all) => all.frozenStorage.contains(name(run, id), name(run, hash))),

  js_crdt_delete_collection: (run: RunState, id: bigint, register: bigint) =>
    flag(run, (all) => all.deleteCollection(name(run, id)), register),
};
