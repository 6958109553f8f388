/** Sets, unordered and sorted. */
import type { Collections, SetCalls } from "../../../crdt/contract.ts";
import type { RunState } from "../../run/run-state.ts";
import type { HostFunctions } from "../host-functions.ts";
import { done, flag, value } from "./answers.ts";
import { content, name } from "./arguments.ts";
import { makingFunctions } from "./making.ts";

function setFunctions(prefix: string, of: (collections: Collections) => SetCalls): HostFunctions {
  return {
    ...makingFunctions(prefix, of),
    [`${prefix}insert`]: (run: RunState, id: bigint, val: bigint) =>
      flag(run, (all) => of(all).insert(name(run, id), content(run, val))),
    [`${prefix}contains`]: (run: RunState, id: bigint, val: bigint) =>
      flag(run, (all) => of(all).contains(name(run, id), name(run, val))),
    [`${prefix}remove`]: (run: RunState, id: bigint, val: bigint) =>
      flag(run, (all) => of(all).remove(name(run, id), name(run, val))),
    [`${prefix}len`]: (run: RunState, id: bigint, register: bigint) =>
      value(run, register, (all) => of(all).len(name(run, id))),
    [`${prefix}iter`]: (run: RunState, id: bigint, register: bigint) =>
      value(run, register, (all) => of(all).iter(name(run, id))),
    [`${prefix}clear`]: (run: RunState, id: bigint) => done(run, (all) => of(all).clear(name(run, id))),
  };
}

export const jsSetFunctions: HostFunctions = {
  ...setFunctions("js_crdt_set_", (all) => all.set),
  ...setFunctions("js_crdt_sortedset_", (all) => all.sortedSet),
};
