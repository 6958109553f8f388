/**
 * The operators that are taken, as a table: which immediates follow each, and what it takes from and gives to the operand
 * stack. Operators behind the prefix 0xFC are numbered 0x100 and up. Everything else is refused by the name of its proposal.
 */
import { F32, F64, I32, I64 } from "./types.ts";

export const OP = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  br_if: 0x0d,
  br_table: 0x0e,
  return: 0x0f,
  call: 0x10,
  call_indirect: 0x11,
  drop: 0x1a,
  select: 0x1b,
  select_typed: 0x1c,
  local_get: 0x20,
  local_set: 0x21,
  local_tee: 0x22,
  global_get: 0x23,
  global_set: 0x24,
  memory_grow: 0x40,
  i32_const: 0x41,
  i64_const: 0x42,
  f32_const: 0x43,
  f64_const: 0x44,
  ref_null: 0xd0,
  ref_func: 0xd2,
  memory_init: 0x108,
  data_drop: 0x109,
  memory_copy: 0x10a,
  memory_fill: 0x10b,
  table_init: 0x10c,
  elem_drop: 0x10d,
  table_copy: 0x10e,
  table_grow: 0x10f,
  table_size: 0x110,
  table_fill: 0x111,
} as const;

export type Immediate =
  | "none"
  | "block"
  | "label"
  | "labels"
  | "function"
  | "indirect"
  | "local"
  | "global"
  | "table"
  | "memarg"
  | "memory"
  | "memories"
  | "dataMemory"
  | "data"
  | "elementTable"
  | "element"
  | "tables"
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "reference"
  | "types";

/** What arithmetic does to NaNs; see `floats.ts`. */
export type FloatRole =
  /** Its result may be a NaN whose bits depend on the machine; of a NaN operand only that it is one matters. */
  | "arithmetic"
  /** No float comes out, or none that is ever a NaN; of a NaN operand only that it is one matters. */
  | "blind"
  /** Bits of operands may show in what it does. */
  | "exact";

export interface Operator {
  readonly immediate: Immediate;
  /** Operands taken, and the type given; what depends on the immediates (calls, branches, locals) is not said here. */
  readonly pops: number;
  readonly gives: number | undefined;
  readonly float: FloatRole;
}

const LETTERS: Readonly<Record<string, number>> = { i: I32, l: I64, f: F32, d: F64, r: 0 };

const table: (Operator | undefined)[] = [];

/** Defines `count` operators from `first` on: `"ii>i"` takes two i32 and gives one. */
function define(first: number, count: number, shape: string, more: Partial<Operator> = {}): void {
  const [takes = "", gives = ""] = shape.split(">");
  for (let code = first; code < first + count; code++) {
    table[code] = {
      immediate: more.immediate ?? "none",
      pops: takes.length,
      gives: LETTERS[gives],
      float: more.float ?? "exact",
    };
  }
}

define(OP.unreachable, 2, ">");
define(OP.block, 2, ">", { immediate: "block" });
define(OP.if, 1, "i>", { immediate: "block" });
define(OP.else, 1, ">");
define(OP.end, 1, ">");
define(OP.br, 1, ">", { immediate: "label" });
define(OP.br_if, 1, "i>", { immediate: "label" });
define(OP.br_table, 1, "i>", { immediate: "labels" });
define(OP.return, 1, ">");
define(OP.call, 1, ">", { immediate: "function" });
define(OP.call_indirect, 1, "i>", { immediate: "indirect" });
define(OP.drop, 1, "r>", { float: "blind" });
define(OP.select, 1, "rri>r");
define(OP.select_typed, 1, "rri>r", { immediate: "types" });
define(OP.local_get, 1, ">r", { immediate: "local" });
define(OP.local_set, 1, "r>", { immediate: "local" });
define(OP.local_tee, 1, "r>r", { immediate: "local" });
define(OP.global_get, 1, ">r", { immediate: "global" });
define(OP.global_set, 1, "r>", { immediate: "global" });
define(0x25, 1, "i>r", { immediate: "table" }); // table.get
define(0x26, 1, "ir>", { immediate: "table" }); // table.set
define(0x28, 14, "i>r", { immediate: "memarg" }); // i32.load .. i64.load32_u
define(0x36, 9, "ir>", { immediate: "memarg" }); // i32.store .. i64.store32
define(0x3f, 1, ">i", { immediate: "memory" }); // memory.size
define(OP.memory_grow, 1, "i>i", { immediate: "memory" });
define(OP.i32_const, 1, ">i", { immediate: "i32" });
define(OP.i64_const, 1, ">l", { immediate: "i64" });
define(OP.f32_const, 1, ">f", { immediate: "f32" });
define(OP.f64_const, 1, ">d", { immediate: "f64" });
define(0x45, 1, "i>i"); // i32.eqz
define(0x46, 10, "ii>i");
define(0x50, 1, "l>i"); // i64.eqz
define(0x51, 10, "ll>i");
define(0x5b, 6, "ff>i", { float: "blind" }); // f32.eq .. f32.ge
define(0x61, 6, "dd>i", { float: "blind" });
define(0x67, 3, "i>i"); // clz, ctz, popcnt
define(0x6a, 15, "ii>i"); // add .. rotr
define(0x79, 3, "l>l");
define(0x7c, 15, "ll>l");
define(0x8b, 2, "f>f"); // abs, neg: only the sign changes
define(0x8d, 5, "f>f", { float: "arithmetic" }); // ceil, floor, trunc, nearest, sqrt
define(0x92, 6, "ff>f", { float: "arithmetic" }); // add, sub, mul, div, min, max
define(0x98, 1, "ff>f"); // copysign
define(0x99, 2, "d>d");
define(0x9b, 5, "d>d", { float: "arithmetic" });
define(0xa0, 6, "dd>d", { float: "arithmetic" });
define(0xa6, 1, "dd>d");
define(0xa7, 1, "l>i"); // i32.wrap_i64
define(0xa8, 2, "f>i", { float: "blind" });
define(0xaa, 2, "d>i", { float: "blind" });
define(0xac, 2, "i>l");
define(0xae, 2, "f>l", { float: "blind" });
define(0xb0, 2, "d>l", { float: "blind" });
define(0xb2, 2, "i>f", { float: "blind" }); // f32.convert_*: never a NaN
define(0xb4, 2, "l>f", { float: "blind" });
define(0xb6, 1, "d>f", { float: "arithmetic" }); // f32.demote_f64
define(0xb7, 2, "i>d", { float: "blind" });
define(0xb9, 2, "l>d", { float: "blind" });
define(0xbb, 1, "f>d", { float: "arithmetic" }); // f64.promote_f32
define(0xbc, 1, "f>i"); // reinterpretations
define(0xbd, 1, "d>l");
define(0xbe, 1, "i>f");
define(0xbf, 1, "l>d");
define(0xc0, 2, "i>i"); // sign extension
define(0xc2, 3, "l>l");
define(OP.ref_null, 1, ">r", { immediate: "reference" });
define(0xd1, 1, "r>i"); // ref.is_null
define(OP.ref_func, 1, ">r", { immediate: "function" });
define(0x100, 2, "f>i", { float: "blind" }); // saturating conversions
define(0x102, 2, "d>i", { float: "blind" });
define(0x104, 2, "f>l", { float: "blind" });
define(0x106, 2, "d>l", { float: "blind" });
define(OP.memory_init, 1, "iii>", { immediate: "dataMemory" });
define(OP.data_drop, 1, ">", { immediate: "data" });
define(OP.memory_copy, 1, "iii>", { immediate: "memories" });
define(OP.memory_fill, 1, "iii>", { immediate: "memory" });
define(OP.table_init, 1, "iii>", { immediate: "elementTable" });
define(OP.elem_drop, 1, ">", { immediate: "element" });
define(OP.table_copy, 1, "iii>", { immediate: "tables" });
define(OP.table_grow, 1, "ri>i", { immediate: "table" });
define(OP.table_size, 1, ">i", { immediate: "table" });
define(OP.table_fill, 1, "iri>", { immediate: "table" });

export const OPERATORS: readonly (Operator | undefined)[] = table;

/** The proposal that an operator outside of the table belongs to; undefined where it is of none. */
export function proposalOf(code: number): string | undefined {
  if ((code >= 0x06 && code <= 0x0a) || code === 0x18 || code === 0x19 || code === 0x1f) return "exception handling";
  if (code === 0x12 || code === 0x13) return "tail calls";
  if (code === 0x14 || code === 0x15) return "typed function references";
  if (code >= 0xd3 && code <= 0xd6) return "typed references and garbage collection";
  if (code >= 0x113 && code <= 0x116) return "wide arithmetic";
  return undefined;
}
