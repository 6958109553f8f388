/** How long each instruction is: the immediates behind the opcodes that AssemblyScript emits with its default features. */
import type { Cursor } from "./binary.ts";

export const OP = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
} as const;
export const GLOBAL_GET = 0x23;
export const GLOBAL_SET = 0x24;
export const EMPTY_BLOCK = 0x40;

const PREFIX = 0xfc;

/** Numbers of LEB128 behind an opcode, where there are some. */
const NUMBERS = new Map<number, number>([
  ...[0x0c, 0x0d, OP.call, 0x20, 0x21, 0x22, GLOBAL_GET, GLOBAL_SET, 0x3f, 0x40, 0x41, 0x42].map(
    (op) => [op, 1] as const,
  ),
  ...[OP.block, OP.loop, OP.if].map((op) => [op, 1] as const),
  [OP.callIndirect, 2],
  // Loads and stores: alignment and offset.
  ...Array.from({ length: 0x3e - 0x28 + 1 }, (_, at) => [0x28 + at, 2] as const),
]);

/** Behind the prefix: saturating truncations have none, then bulk memory. */
const PREFIXED = new Map<number, number>([
  [0x08, 2],
  [0x09, 1],
  [0x0a, 2],
  [0x0b, 1],
]);

/** Moves behind the immediates of the opcode that was just read; throws for an opcode that is not expected. */
export function skipImmediates(cursor: Cursor, opcode: number): void {
  if (opcode === 0x0e) {
    for (let labels = cursor.u32(); labels >= 0; labels--) cursor.skipLeb();
  } else if (opcode === 0x43 || opcode === 0x44) {
    cursor.take(opcode === 0x43 ? 4 : 8);
  } else if (opcode === PREFIX) {
    const operation = cursor.u32();
    const numbers = operation <= 0x07 ? 0 : PREFIXED.get(operation);
    if (numbers === undefined)
      throw new Error(`an instruction of the compiler's is unknown: fc ${operation.toString(16)}`);
    for (let left = numbers; left > 0; left--) cursor.skipLeb();
  } else {
    const known = opcode <= 0x05 || (opcode >= 0x0b && opcode <= 0x11) || (opcode >= 0x1a && opcode <= 0x1b);
    if (!known && (opcode < 0x20 || opcode > 0xc4)) {
      throw new Error(`an instruction of the compiler's is unknown: ${opcode.toString(16)}`);
    }
    for (let left = NUMBERS.get(opcode) ?? 0; left > 0; left--) cursor.skipLeb();
  }
}
