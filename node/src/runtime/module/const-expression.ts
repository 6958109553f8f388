/** The initial values of globals and the offsets of segments: one constant each, since no global can be imported. */
import { readCode } from "./body.ts";
import { malformed, unsupported } from "./error.ts";
import { OP } from "./opcodes.ts";
import type { Reader } from "./reader.ts";
import { readReferenceType } from "./types.ts";

export interface ConstExpression {
  /** Where it is in the module, its `end` included. */
  readonly start: number;
  readonly end: number;
  /** Value of an i32 constant, unsigned. */
  readonly i32?: number;
  /** Index of the function that a `ref.func` names. */
  readonly function?: number;
}

/** i32.add, i32.sub, i32.mul and their like of i64. */
const EXTENDED: ReadonlySet<number> = new Set([0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e]);

export function readConstExpression(reader: Reader): ConstExpression {
  const start = reader.offset;
  const known = readConstant(reader);
  const after = reader.offset;
  const code = readCode(reader);
  if (EXTENDED.has(code)) throw unsupported("extended constant expressions", after);
  if (code !== OP.end) {
    // A second constant may lead up to an operator that is not taken, which says more than that there are two.
    if (code === OP.i32_const || code === OP.i64_const) {
      reader.skipSigned(code === OP.i32_const ? 32 : 64);
      const next = reader.offset;
      if (!reader.isAtEnd && EXTENDED.has(readCode(reader))) throw unsupported("extended constant expressions", next);
    }
    throw malformed("constant expression required: one constant and its end", after);
  }
  return { start, end: reader.offset, ...known };
}

function readConstant(reader: Reader): { i32?: number; function?: number } {
  const at = reader.offset;
  switch (readCode(reader)) {
    case OP.i32_const:
      return { i32: reader.signed(32) >>> 0 };
    case OP.i64_const:
      reader.skipSigned(64);
      return {};
    case OP.f32_const:
      reader.skip(4);
      return {};
    case OP.f64_const:
      reader.skip(8);
      return {};
    case OP.ref_null:
      readReferenceType(reader);
      return {};
    case OP.ref_func:
      return { function: reader.u32() };
    case OP.global_get:
      throw malformed("constant expression required: only imported globals may be read, and none can be imported", at);
    default:
      throw malformed("constant expression required", at);
  }
}
