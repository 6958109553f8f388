/** Arguments of the `js_*` calls. What is to be kept until the flush counts as written when it is handed over. */
import type { RunState } from "../../run/run-state.ts";
import { readBytesKey, readValue } from "../keys.ts";

/** An id, a key, a hash, a public key. */
export const name = readBytesKey;

/** Something to store. */
export function content(run: RunState, descriptor: bigint): Uint8Array {
  const bytes = readValue(run, descriptor);
  run.unflushed.spend(bytes.length);
  return bytes;
}

/** The guest's i64 as the u64 that it is. */
export function position(index: bigint): bigint {
  return BigInt.asUintN(64, index);
}
