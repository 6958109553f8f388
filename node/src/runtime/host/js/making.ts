/** `new` and `new_with_id`, which every collection but the shared value has alike. */
import type { Collections } from "../../../crdt/contract.ts";
import type { RunState } from "../../run/run-state.ts";
import type { HostFunctions } from "../host-functions.ts";
import { made } from "./answers.ts";
import { name } from "./arguments.ts";

interface Makes {
  create(): Uint8Array;
  createWithId(id: Uint8Array): Uint8Array;
}

export function makingFunctions(prefix: string, of: (collections: Collections) => Makes): HostFunctions {
  return {
    [`${prefix}new`]: (run: RunState, register: bigint) => made(run, register, (all) => of(all).create()),
    [`${prefix}new_with_id`]: (run: RunState, id: bigint, register: bigint) => {
      const wanted = name(run, id);
      return made(run, register, (all) => of(all).createWithId(wanted));
    },
  };
}
