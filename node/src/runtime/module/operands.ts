/**
 * Follows the operand stack of a valid body, for two facts that are not written in it: how high the stack gets, and which
 * floats could carry NaN bits that depend on the machine to where bits show.
 *
 * WebAssembly leaves the bits of a NaN that arithmetic makes open, and machines differ. Such a NaN is made canonical, but not
 * at once: most results go into further arithmetic, which only asks whether an operand is a NaN. So each operand carries its
 * origin, and only where one from arithmetic is stored, passed on, returned or reinterpreted is it marked. A local is left as
 * it is, and made canonical where it is read in that way, if nothing but arithmetic and constants is ever written to it; what
 * has been loaded or passed in keeps its bits, as the specification says.
 */
import type { Body } from "./body.ts";
import { NO_TYPE } from "./body.ts";
import { DEAD } from "./charges.ts";
import { OP, OPERATORS } from "./opcodes.ts";
import type { Sections } from "./sections.ts";
import { isFloat, type FunctionType } from "./types.ts";

export interface OperandFacts {
  /** The most operands at once. */
  readonly height: number;
  /** 1 for each operator after which the result has to be made canonical. */
  readonly canonical: Uint8Array;
}

/** Bits are what they are: given from outside, or made canonical already. */
const EXACT = 0;
/** A number, and no NaN: whatever is done to it may be undone. */
const NUMBER = -1;
// Any other origin is 1 + the operator whose result it is: arithmetic, or the reading of a local.

/** What is known of one float local. */
interface FloatLocal {
  /** Something was written to it whose bits must not change. */
  isExact: boolean;
  /** Arithmetic operators whose results are written to it. */
  readonly writes: Site[];
  /** Operators that read it to where bits show. */
  readonly reads: Site[];
}

interface Site {
  readonly op: number;
  readonly loops: number;
}

interface Frame {
  readonly code: number;
  readonly height: number;
  readonly type: FunctionType;
}

const NOTHING: FunctionType = { params: [], results: [] };

/** What a body's operators refer to. */
export interface Surroundings {
  readonly types: readonly FunctionType[];
  /** Type of any function, imported or defined. */
  typeOf(functionIndex: number): FunctionType;
}

export function surroundingsOf({ types, imports, functions }: Sections): Surroundings {
  return {
    types,
    typeOf: (index) => types[imports[index]?.type ?? functions[index - imports.length] ?? -1] ?? NOTHING,
  };
}

class Trace {
  readonly #bytes: Uint8Array;
  readonly #body: Body;
  readonly #around: Surroundings;
  readonly #params: number;
  readonly #stack: number[] = [];
  readonly #frames: Frame[] = [];
  readonly #locals = new Map<number, FloatLocal>();
  readonly #canonical: Uint8Array;
  #height = 0;
  #loops = 0;

  constructor(bytes: Uint8Array, body: Body, type: FunctionType, around: Surroundings) {
    this.#bytes = bytes;
    this.#body = body;
    this.#around = around;
    this.#params = type.params.length;
    this.#canonical = new Uint8Array(body.count);
    this.#frames.push({ code: OP.block, height: 0, type });
  }

  trace(dead: Uint8Array): OperandFacts {
    for (let op = 0; op < this.#body.count; op++) {
      if (dead[op] === DEAD) continue;
      this.#step(op, this.#body.code[op] ?? 0);
      if (this.#stack.length > this.#height) this.#height = this.#stack.length;
    }
    for (const local of this.#locals.values()) this.#settle(local);
    return { height: this.#height, canonical: this.#canonical };
  }

  #step(op: number, code: number): void {
    switch (code) {
      case OP.block:
      case OP.loop:
      case OP.if:
        return this.#enter(op, code);
      case OP.else:
        return this.#otherwise();
      case OP.end:
        return this.#leave();
      case OP.br:
        return this.#show(this.#arity(this.#body.argument(op)));
      case OP.br_if:
        this.#stack.pop();
        return this.#show(this.#arity(this.#body.argument(op)));
      case OP.br_table:
        this.#stack.pop();
        return this.#show(this.#arity(this.#body.targets[this.#body.argument(op)] ?? 0));
      case OP.return:
        return this.#show(this.#frames[0]?.type.results.length ?? 0);
      case OP.call:
        return this.#call(this.#around.typeOf(this.#body.argument(op)));
      case OP.call_indirect:
        this.#stack.pop();
        return this.#call(this.#around.types[this.#body.argument(op)] ?? NOTHING);
      case OP.local_get:
        return this.#get(op);
      case OP.local_set:
        return this.#set(op);
      case OP.local_tee:
        this.#set(op);
        return this.#get(op);
      case OP.f32_const:
      case OP.f64_const:
        this.#stack.push(this.#isNaNConstant(op, code) ? EXACT : NUMBER);
        return;
      default:
        return this.#plain(op, code);
    }
  }

  #plain(op: number, code: number): void {
    const operator = OPERATORS[code];
    if (operator === undefined) return;
    for (let operand = 0; operand < operator.pops; operand++) {
      const origin = this.#stack.pop() ?? EXACT;
      if (operator.float === "exact") this.#shows(origin);
    }
    if (operator.gives === undefined) return;
    if (operator.float === "arithmetic") this.#stack.push(op + 1);
    else this.#stack.push(operator.float === "blind" && isFloat(operator.gives) ? NUMBER : EXACT);
  }

  #blockType(op: number): FunctionType {
    const type = this.#body.argument(op);
    if (type === NO_TYPE) return NOTHING;
    return type < 0 ? { params: [], results: [-2 - type] } : (this.#around.types[type] ?? NOTHING);
  }

  #enter(op: number, code: number): void {
    if (code === OP.if) this.#stack.pop();
    if (code === OP.loop) this.#loops++;
    const type = this.#blockType(op);
    this.#show(type.params.length);
    const height = this.#stack.length - type.params.length;
    this.#frames.push({ code, height, type });
    this.#reset(height, type.params.length);
  }

  #otherwise(): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    this.#show(Math.min(frame.type.results.length, this.#stack.length - frame.height));
    this.#reset(frame.height, frame.type.params.length);
  }

  #leave(): void {
    const frame = this.#frames.pop();
    if (frame === undefined) return;
    if (frame.code === OP.loop) this.#loops--;
    const results = frame.type.results.length;
    this.#show(Math.min(results, this.#stack.length - frame.height));
    this.#reset(frame.height, results);
  }

  /** Cuts the stack to `height` and puts `count` operands on it whose origin is lost where ways meet. */
  #reset(height: number, count: number): void {
    this.#stack.length = height;
    for (let operand = 0; operand < count; operand++) this.#stack.push(EXACT);
  }

  #arity(label: number): number {
    const frame = this.#frames[this.#frames.length - 1 - label];
    if (frame === undefined) return 0;
    return frame.code === OP.loop ? frame.type.params.length : frame.type.results.length;
  }

  #call({ params, results }: FunctionType): void {
    this.#show(params.length);
    this.#reset(this.#stack.length - params.length, results.length);
  }

  /** The topmost `count` operands go to where bits show. */
  #show(count: number): void {
    for (let at = Math.max(0, this.#stack.length - count); at < this.#stack.length; at++) {
      this.#shows(this.#stack[at] ?? EXACT);
      this.#stack[at] = EXACT;
    }
  }

  #shows(origin: number): void {
    if (origin <= 0) return;
    const op = origin - 1;
    const code = this.#body.code[op];
    if (code === OP.local_get || code === OP.local_tee)
      this.#local(this.#body.argument(op)).reads.push({ op, loops: this.#loops });
    else this.#canonical[op] = 1;
  }

  #local(index: number): FloatLocal {
    let local = this.#locals.get(index);
    if (local === undefined) {
      local = { isExact: index < this.#params, writes: [], reads: [] };
      this.#locals.set(index, local);
    }
    return local;
  }

  #get(op: number): void {
    const index = this.#body.argument(op);
    this.#stack.push(isFloat(this.#body.locals[index] ?? 0) ? op + 1 : EXACT);
  }

  #set(op: number): void {
    const origin = this.#stack.pop() ?? EXACT;
    const index = this.#body.argument(op);
    if (!isFloat(this.#body.locals[index] ?? 0) || origin === NUMBER) return;
    const local = this.#local(index);
    const source = origin - 1;
    const code = this.#body.code[source];
    if (origin === EXACT || code === OP.local_get || code === OP.local_tee) {
      this.#shows(origin);
      local.isExact = true;
    } else local.writes.push({ op: source, loops: this.#loops });
  }

  /** Makes a local canonical where it is written, or where it is read, whichever happens less often. */
  #settle({ isExact, writes, reads }: FloatLocal): void {
    const weight = (sites: readonly Site[]): number =>
      sites.reduce((sum, { loops }) => sum + 10 ** Math.min(loops, 9), 0);
    const atReads = !isExact && weight(reads) < weight(writes);
    if (!isExact && reads.length === 0) return;
    for (const { op } of atReads ? reads : writes) this.#canonical[op] = 1;
  }

  #isNaNConstant(op: number, code: number): boolean {
    const at = (this.#body.offset[op] ?? 0) + 1;
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, code === OP.f32_const ? 4 : 8);
    return Number.isNaN(code === OP.f32_const ? view.getFloat32(0, true) : view.getFloat64(0, true));
  }
}

/** `dead` marks the operators that are never executed, which are not followed. */
export function traceOperands(
  bytes: Uint8Array,
  body: Body,
  type: FunctionType,
  around: Surroundings,
  dead: Uint8Array,
): OperandFacts {
  return new Trace(bytes, body, type, around).trace(dead);
}
