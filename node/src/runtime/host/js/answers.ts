/**
 * How the collections that the host keeps for QuickJS apps answer through an i32 (reference §2.3): 1 with the value in the
 * register, or for a change; 0 for nothing, with the register cleared; -1 with the text of the error in the register, or in
 * register 0 where the call names none.
 */
import type { Collections } from "../../../crdt/contract.ts";
import { CollectionError } from "../../../crdt/error.ts";
import type { RunState } from "../../run/run-state.ts";

const FAILED = -1;
const ERROR_REGISTER = 0n;
const TEXT = new TextEncoder();

type Ask<T> = (collections: Collections) => T;

/** A value or none. */
export function value(run: RunState, register: bigint, ask: Ask<Uint8Array | undefined>): number {
  return attempt(run, register, (collections) => {
    const found = ask(collections);
    if (found === undefined) {
      run.registers.clear(register);
      return 0;
    }
    run.registers.set(register, found);
    return 1;
  });
}

/** A new collection's id, told as 0. */
export function made(run: RunState, register: bigint, ask: Ask<Uint8Array>): number {
  return attempt(run, register, (collections) => {
    run.registers.set(register, ask(collections));
    return 0;
  });
}

/** Yes or no; `register` only for an error. */
export function flag(run: RunState, ask: Ask<boolean>, register = ERROR_REGISTER): number {
  return attempt(run, register, (collections) => (ask(collections) ? 1 : 0));
}

/** A change that always succeeds or says why not. */
export function done(run: RunState, ask: Ask<void>): number {
  return attempt(run, ERROR_REGISTER, (collections) => {
    ask(collections);
    return 1;
  });
}

function attempt(run: RunState, register: bigint, ask: Ask<number>): number {
  try {
    return ask(run.collections);
  } catch (error) {
    if (!(error instanceof CollectionError)) throw error;
    run.registers.set(register, TEXT.encode(error.message));
    return FAILED;
  }
}
