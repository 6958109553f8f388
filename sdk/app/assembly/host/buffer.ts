/**
 * How bytes cross the border: an argument that points to bytes is the address of a descriptor {address u64, length u64}, an
 * answer lies in a register. Descriptors and register are static: a call has one thread, and no two are needed at once
 * beyond the three below. An answer is copied into fresh memory, so it stays valid while others are asked for.
 */
import { read_register, register_len } from "./core";

/**
 * The register that all answers lie in until they are read; the node tells there why it refused a call that names no register,
 * too.
 */
export const REGISTER: u64 = 0;

/** Space for one descriptor each, by what they usually point to. */
const ID = memory.data(16, 8);
const KEY = memory.data(16, 8);
const VALUE = memory.data(16, 8);

/** The last answer: where it lies and how long it is. */
export let answer: usize = 0;
export let answerLength: i32 = 0;

export function describe(descriptor: usize, address: usize, length: usize): u64 {
  store<u64>(descriptor, address);
  store<u64>(descriptor, length, 8);
  return descriptor;
}

export function idBuffer(id: usize): u64 {
  return describe(ID, id, 32);
}

export function keyBuffer(address: usize, length: usize): u64 {
  return describe(KEY, address, length);
}

export function valueBuffer(address: usize, length: usize): u64 {
  return describe(VALUE, address, length);
}

/** Reads the register into fresh memory; `answer` and `answerLength` tell where. False where the register is empty. */
export function takeAnswer(): bool {
  const length = register_len(REGISTER);
  if (length == u64.MAX_VALUE) return false;
  answer = heap.alloc(<usize>length);
  answerLength = <i32>length;
  return read_register(REGISTER, describe(VALUE, answer, <usize>length)) == 1;
}

/** A descriptor that outlives the next call, for the structures that hold several. */
export function fillDescriptor(at: usize, address: usize, length: usize): void {
  describe(at, address, length);
}
