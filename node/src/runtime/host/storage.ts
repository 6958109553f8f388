/** The shared state: what is synced and hashed. Keys may have any length (32 bytes up to G3, 33 in G4). */
import type { RunState } from "../run/run-state.ts";
import type { HostFunctions } from "./host-functions.ts";
import { readKey, readValue } from "./keys.ts";

export const storageFunctions = {
  storage_read(run: RunState, key: bigint, register: bigint): number {
    return told(run, run.state.get(readKey(run, key)), register);
  },

  /** 1 where a value was replaced, which is then in the register. */
  storage_write(run: RunState, key: bigint, value: bigint, register: bigint): number {
    const name = readKey(run, key);
    const content = readValue(run, value);
    const before = run.state.get(name);
    run.state.set(name, content);
    return told(run, before, register);
  },

  storage_remove(run: RunState, key: bigint, register: bigint): number {
    const name = readKey(run, key);
    const before = run.state.get(name);
    if (before !== undefined) run.state.remove(name);
    return told(run, before, register);
  },
} satisfies HostFunctions;

/** 1 and the value in the register, or 0 and the register as it was. */
function told(run: RunState, value: Uint8Array | undefined, register: bigint): number {
  if (value === undefined) return 0;
  run.registers.set(register, value);
  return 1;
}
