/** Registers: one value, the later write wins; of two at one time that of the larger node id. */
import { ntp64 } from "../../dag/hlc.ts";
import { BorshWriter } from "../../model/borsh.ts";
import type { Write } from "../../storage/merkle/entity-row.ts";
import type { RegisterCalls } from "../contract.ts";
import { idFrom, readRegister, writeRegister } from "../payloads.ts";
import type { State } from "../state.ts";
import { create, createWithId, open, put } from "./entries.ts";

const NODE_BYTES = 16;

export function registerCalls(state: State): RegisterCalls {
  const find = (id: Uint8Array): Write | undefined => {
    open(state, "register", id);
    return state.live(id, idFrom("registerValue", id, new Uint8Array()));
  };
  return {
    create: () => create(state, "register"),
    createWithId: (id) => createWithId(state, "register", id),
    set(id, value) {
      open(state, "register", id);
      const node = state.env.executor.subarray(0, NODE_BYTES);
      put(state, id, "registerValue", writeRegister({ node, value }));
    },
    get(id) {
      const write = find(id);
      return write === undefined ? undefined : readRegister(write.data).value;
    },
    timestamp(id) {
      const write = find(id);
      if (write === undefined) return undefined;
      // A u128 whose bytes, largest first, are the node's: then numbers and bytes have one order.
      const node = Uint8Array.from(readRegister(write.data).node).reverse();
      return new BorshWriter().u64(ntp64(write.updatedAt)).fixed(node).done();
    },
  };
}
