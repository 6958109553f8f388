/** Registers, as the guest reads them. */
import type { RunState } from "../run/run-state.ts";
import type { HostFunctions } from "./host-functions.ts";

/** 2^64 - 1 in the signed form that crosses the border. */
const ABSENT = -1n;

export const registerFunctions = {
  register_len(run: RunState, register: bigint): bigint {
    const content = run.registers.peek(register);
    return content === undefined ? ABSENT : BigInt(content.length);
  },

  /** 0 where the guest's buffer is not exactly as long as the register; nothing is written then. */
  read_register(run: RunState, register: bigint, target: bigint): number {
    const span = run.memory.span(target);
    const content = run.registers.get(register);
    if (span.length !== content.length) return 0;
    run.memory.write(span, content);
    return 1;
  },
} satisfies HostFunctions;
