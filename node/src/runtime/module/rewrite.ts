/**
 * One function body, written anew with its meters. What is left of gas and stack comes in as two more parameters, gas goes out
 * as one more result: so both live in registers, and calls between functions of the module cost no memory access. The body
 * becomes a block of the new one, which leaves all of its labels as they were; only locals move up by two.
 */
import type { Body } from "./body.ts";
import { DEAD, DEAD_END, type Charges } from "./charges.ts";
import { OP, OPERATORS } from "./opcodes.ts";
import type { OperandFacts } from "./operands.ts";
import { F32, F64, I32, isFloat, type FunctionType } from "./types.ts";
import { leb, Writer } from "./writer.ts";

/**
 * Stack that a call is charged: this many bytes, and 8 for each parameter, local and operand that the function holds at most.
 * About what a frame takes of the machine's stack when it is not optimised.
 */
export const FRAME_BYTES = 64;
/** A function that calls no other of the module is charged only for what its frame has beyond this: it is the last. */
export const LEAF_BYTES = 1024;
/** Bytes of memory that one point copies, fills or adds; 2^4. Elements of tables are a point each. */
const BYTES_PER_POINT_LOG = 4;
const PAGE_LOG = 16;

/** How the indices of the module change. */
export interface Layout {
  readonly imports: number;
  /** Added to a type's index: the same type with the meters. */
  readonly types: number;
  readonly gas: number;
  readonly stack: number;
  /** Index of the function that stands for an import where it is called through a reference. */
  reference(functionIndex: number): number;
  /** Block type of a block that gives these results. */
  blockType(results: readonly number[]): readonly number[];
}

export interface BodyFacts extends Charges, OperandFacts {
  readonly type: FunctionType;
}

const IF = [OP.if, 0x40];
const I64_SUB = 0x7d;
const I64_LT_S = 0x53;
const I32_SUB = 0x6b;
const I32_LT_S = 0x48;
const I32_NE = 0x47;
const I64_SHL = 0x86;
const I64_SHR_U = 0x88;
const I64_EXTEND_I32_U = 0xad;
const MINUS_ONE = 0x7f;
/** Shortest form of the canonical NaN of each width, and the comparison that no NaN passes. */
const CANONICAL: Readonly<Record<number, { readonly constant: readonly number[]; readonly equal: number }>> = {
  [F32]: { constant: [OP.f32_const, 0, 0, 0xc0, 0x7f], equal: 0x5b },
  [F64]: { constant: [OP.f64_const, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f], equal: 0x61 },
};

export class BodyRewriter {
  readonly #bytes: Uint8Array;
  readonly #layout: Layout;
  readonly #out = new Writer(4096);
  readonly #code = new Writer(4096);
  #body!: Body;
  #params = 0;
  #getGas: readonly number[] = [];
  #teeGas: readonly number[] = [];
  #setGas: readonly number[] = [];
  #getStack: readonly number[] = [];
  readonly #spillGas: readonly number[];
  /** Puts gas back into its global and ends the run; the end of the `if` that it stands in. */
  #trap: readonly number[] = [];
  /** Does so if the i64 on top of the stack is negative. */
  #exhausted: readonly number[] = [];
  /** Types of the locals added so far, after all others. */
  #scratch: number[] = [];

  constructor(bytes: Uint8Array, layout: Layout) {
    this.#bytes = bytes;
    this.#layout = layout;
    this.#spillGas = [OP.global_set, ...leb(layout.gas)];
  }

  /** The new body, without its size; valid until the next call. */
  rewrite(body: Body, facts: BodyFacts): Uint8Array {
    const { type, before, dead, canonical } = facts;
    this.#body = body;
    this.#params = type.params.length;
    this.#scratch = [];
    const gas = leb(this.#params);
    this.#getGas = [OP.local_get, ...gas];
    this.#teeGas = [OP.local_tee, ...gas];
    this.#setGas = [OP.local_set, ...gas];
    this.#getStack = [OP.local_get, ...leb(this.#params + 1)];
    this.#trap = [...this.#getGas, ...this.#spillGas, OP.unreachable, OP.end];
    this.#exhausted = [OP.i64_const, 0, I64_LT_S, ...IF, ...this.#trap];
    const code = this.#code.clear();
    this.#chargeStack(facts);
    code.byte(OP.block).bytes(this.#layout.blockType(type.results));
    for (let op = 0; op < body.count; op++) {
      const points = before[op] ?? 0;
      if (points > 0) this.#charge(points);
      if (dead[op] === DEAD) continue;
      this.#operator(op, body.code[op] ?? 0);
      // What follows is left out: say to the engine, too, that nothing comes here.
      if (dead[op] === DEAD_END) code.byte(OP.unreachable);
      if (canonical[op] === 1) this.#canonicalise(op);
    }
    code.bytes(this.#getGas).byte(OP.end);
    const out = this.#out.clear();
    this.#declareLocals(out);
    return out.bytes(code.view()).view();
  }

  /** Runs of one type each; the meters are parameters, so the body's own locals come first. */
  #declareLocals(out: Writer): void {
    const types = [...this.#body.locals.slice(this.#params), ...this.#scratch];
    const runs: { type: number; count: number }[] = [];
    for (const type of types) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    out.u32(runs.length);
    for (const { type, count } of runs) out.u32(count).byte(type);
  }

  /** Index of a local of `type` that only lives between two operators; `which` tells apart those of one type. */
  #temporary(type: number, which = 0): readonly number[] {
    let seen = 0;
    for (const [at, known] of this.#scratch.entries()) {
      if (known === type && seen++ === which) return leb(this.#body.locals.length + 2 + at);
    }
    while (seen++ <= which) this.#scratch.push(type);
    return leb(this.#body.locals.length + 1 + this.#scratch.length);
  }

  #charge(points: number): void {
    this.#code
      .bytes(this.#getGas)
      .byte(OP.i64_const)
      .signed(points)
      .byte(I64_SUB)
      .bytes(this.#teeGas)
      .bytes(this.#exhausted);
  }

  /** Charges `count`, an unsigned i32 local, moved by `shift` bits: to the left where positive. */
  #chargeBy(count: readonly number[], shift: number): void {
    const code = this.#code.bytes(this.#getGas).byte(OP.local_get).bytes(count).byte(I64_EXTEND_I32_U);
    if (shift !== 0)
      code
        .byte(OP.i64_const)
        .signed(Math.abs(shift))
        .byte(shift > 0 ? I64_SHL : I64_SHR_U);
    code.byte(I64_SUB).bytes(this.#teeGas).bytes(this.#exhausted);
  }

  #chargeStack({ height }: BodyFacts): void {
    const frame = FRAME_BYTES + 8 * (this.#body.locals.length + height);
    if (!this.#callsOthers() && frame <= LEAF_BYTES) return;
    const stack = leb(this.#params + 1);
    this.#code.bytes(this.#getStack).byte(OP.i32_const).signed(frame).byte(I32_SUB).byte(OP.local_tee).bytes(stack);
    this.#code.byte(OP.i32_const).byte(0).byte(I32_LT_S).bytes(IF);
    this.#code.bytes(this.#getStack).byte(OP.global_set).u32(this.#layout.stack).bytes(this.#trap);
  }

  #callsOthers(): boolean {
    const { code, count } = this.#body;
    for (let op = 0; op < count; op++) {
      if (code[op] === OP.call_indirect) return true;
      if (code[op] === OP.call && this.#body.argument(op) >= this.#layout.imports) return true;
    }
    return false;
  }

  #operator(op: number, code: number): void {
    switch (code) {
      case OP.local_get:
      case OP.local_set:
      case OP.local_tee:
        return this.#local(code, this.#body.argument(op));
      case OP.call:
        return this.#call(this.#body.argument(op));
      case OP.call_indirect:
        return this.#callIndirect(op);
      case OP.return:
        this.#code.bytes(this.#getGas).byte(OP.return);
        return;
      case OP.unreachable:
        this.#code.bytes(this.#getGas).bytes(this.#spillGas).byte(OP.unreachable);
        return;
      case OP.ref_func:
        this.#code.byte(OP.ref_func).u32(this.#layout.reference(this.#body.argument(op)));
        return;
      case OP.memory_grow:
        return this.#grow(op, PAGE_LOG - BYTES_PER_POINT_LOG);
      case OP.table_grow:
        return this.#grow(op, 0);
      case OP.memory_copy:
      case OP.memory_fill:
      case OP.memory_init:
        return this.#bulk(op, -BYTES_PER_POINT_LOG);
      case OP.table_copy:
      case OP.table_fill:
      case OP.table_init:
        return this.#bulk(op, 0);
      default:
        return this.#copy(op);
    }
  }

  #copy(op: number): void {
    this.#code.copy(this.#bytes, this.#body.offset[op] ?? 0, this.#body.offset[op + 1] ?? 0);
  }

  #local(code: number, index: number): void {
    this.#code.byte(code).u32(index < this.#params ? index : index + 2);
  }

  #call(index: number): void {
    const code = this.#code.bytes(this.#getGas);
    if (index < this.#layout.imports) {
      // The host sees the meter, and may charge for what it does.
      code.bytes(this.#spillGas).byte(OP.call).u32(index).byte(OP.global_get).u32(this.#layout.gas).bytes(this.#setGas);
    } else code.bytes(this.#getStack).byte(OP.call).u32(index).bytes(this.#setGas);
  }

  #callIndirect(op: number): void {
    const index = this.#temporary(I32);
    const code = this.#code.byte(OP.local_set).bytes(index).bytes(this.#getGas).bytes(this.#getStack);
    code.byte(OP.local_get).bytes(index).byte(OP.call_indirect);
    code
      .u32(this.#body.argument(op) + this.#layout.types)
      .u32(this.#body.second[op] ?? 0)
      .bytes(this.#setGas);
  }

  /** Paid after it was done: to ask for more than there is must not be what ends the run. */
  #grow(op: number, shift: number): void {
    const count = this.#temporary(I32);
    const result = this.#temporary(I32, 1);
    this.#code.byte(OP.local_tee).bytes(count);
    this.#copy(op);
    this.#code.byte(OP.local_tee).bytes(result).byte(OP.i32_const).byte(MINUS_ONE).byte(I32_NE).bytes(IF);
    this.#chargeBy(count, shift);
    this.#code.byte(OP.end).byte(OP.local_get).bytes(result);
  }

  #bulk(op: number, shift: number): void {
    const count = this.#temporary(I32);
    this.#code.byte(OP.local_tee).bytes(count);
    this.#chargeBy(count, shift);
    this.#copy(op);
  }

  #canonicalise(op: number): void {
    const code = this.#body.code[op] ?? 0;
    const local = this.#body.locals[this.#body.argument(op)] ?? 0;
    const type = code === OP.local_get || code === OP.local_tee ? local : (OPERATORS[code]?.gives ?? 0);
    const canonical = CANONICAL[type];
    if (!isFloat(type) || canonical === undefined) return;
    const value = this.#temporary(type);
    const out = this.#code.byte(OP.local_tee).bytes(value).bytes(canonical.constant);
    out.byte(OP.local_get).bytes(value).byte(OP.local_get).bytes(value).byte(canonical.equal).byte(OP.select);
  }
}

/** Block type of no result, or of one. */
export function shortBlockType(results: readonly number[]): readonly number[] | undefined {
  if (results.length > 1) return undefined;
  return [results[0] ?? 0x40];
}
