/** What an app keeps on this node only: never synced, never hashed, and durable only together with a commit. */
import type { RunState } from "../run/run-state.ts";
import type { HostFunctions } from "./host-functions.ts";
import { readKey, readValue } from "./keys.ts";

export const privateStorageFunctions = {
  private_storage_read(run: RunState, key: bigint, register: bigint): number {
    const value = run.privateState.get(readKey(run, key));
    if (value === undefined) return 0;
    run.registers.set(register, value);
    return 1;
  },

  private_storage_remove(run: RunState, key: bigint, register: bigint): number {
    const name = readKey(run, key);
    const before = run.privateState.get(name);
    if (before === undefined) return 0;
    run.privateState.remove(name);
    run.registers.set(register, before);
    return 1;
  },

  /** Always 1: this node always has private storage. */
  private_storage_write(run: RunState, key: bigint, value: bigint): number {
    run.privateState.set(readKey(run, key), readValue(run, value));
    return 1;
  },
} satisfies HostFunctions;
