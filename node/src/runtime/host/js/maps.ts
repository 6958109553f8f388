/** Maps: unordered, sorted, and of entries that belong to their author. */
import type { Collections, MapCalls } from "../../../crdt/contract.ts";
import type { RunState } from "../../run/run-state.ts";
import type { HostFunctions } from "../host-functions.ts";
import { flag, value } from "./answers.ts";
import { content, name } from "./arguments.ts";
import { makingFunctions } from "./making.ts";

function mapFunctions(prefix: string, of: (collections: Collections) => MapCalls): HostFunctions {
  return {
    ...makingFunctions(prefix, of),
    [`${prefix}get`]: (run: RunState, id: bigint, key: bigint, register: bigint) =>
      value(run, register, (all) => of(all).get(name(run, id), name(run, key))),
    [`${prefix}insert`]: (run: RunState, id: bigint, key: bigint, val: bigint, register: bigint) =>
      value(run, register, (all) => of(all).insert(name(run, id), name(run, key), content(run, val))),
    [`${prefix}remove`]: (run: RunState, id: bigint, key: bigint, register: bigint) =>
      value(run, register, (all) => of(all).remove(name(run, id), name(run, key))),
    [`${prefix}contains`]: (run: RunState, id: bigint, key: bigint) =>
      flag(run, (all) => of(all).contains(name(run, id), name(run, key))),
    [`${prefix}iter`]: (run: RunState, id: bigint, register: bigint) =>
      value(run, register, (all) => of(all).iter(name(run, id))),
  };
}

export const jsMapFunctions: HostFunctions = {
  ...mapFunctions("js_crdt_map_", (all) => all.map),
  ...mapFunctions("js_crdt_sortedmap_", (all) => all.sortedMap),
  ...mapFunctions("js_crdt_authored_map_", (all) => all.authoredMap),
  js_crdt_authored_map_update: (run: RunState, id: bigint, key: bigint, val: bigint, register: bigint) =>
    value(run, register, (all) => all.authoredMap.update(name(run, id), name(run, key), content(run, val))),
  js_crdt_authored_map_owner_of: (run: RunState, id: bigint, key: bigint, register: bigint) =>
    value(run, register, (all) => all.authoredMap.ownerOf(name(run, id), name(run, key))),
  js_crdt_authored_map_owned_by_me: (run: RunState, id: bigint, key: bigint) =>
    flag(run, (all) => all.authoredMap.ownedByMe(name(run, id), name(run, key))),
  js_crdt_authored_map_len: (run: RunState, id: bigint, register: bigint) =>
    value(run, register, (all) => all.authoredMap.len(name(run, id))),
};
