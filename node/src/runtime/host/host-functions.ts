/**
 * A family of host functions: names of imports, and what they do to a run. i64 arguments come as signed BigInts, i32 as
 * numbers; the result is what the signature in `abi.ts` says. A family knows nothing of instances or threads.
 */
import type { RunState } from "../run/run-state.ts";

export type HostFunction = (run: RunState, ...args: never[]) => bigint | number | void;
export type HostFunctions = Readonly<Record<string, HostFunction>>;
