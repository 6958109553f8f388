/**
 * The operators of one function body, decoded into columns: code, offset, and up to two immediates each. The columns are made
 * once and reused from body to body, since a module has tens of thousands of them.
 */
import { malformed, unsupported } from "./error.ts";
import { OP, OPERATORS, proposalOf, type Immediate } from "./opcodes.ts";
import type { Reader } from "./reader.ts";
import { readReferenceType, readValueType } from "./types.ts";

/** Parameters and locals of one function; the engine's own limit, less what the instrumenter adds. */
const MAX_LOCALS = 49_990;
const MAX_BRANCH_TARGETS = 65_520;
const EMPTY_BLOCK = 0x40;
/** Of a block without results. */
export const NO_TYPE = -1;

export class Body {
  /** Type of each parameter and local. */
  locals: number[] = [];
  count = 0;
  code = new Uint16Array(1024);
  /** Offset of each operator in the module; one more than there are operators, the last being the end of the body. */
  offset = new Uint32Array(1025);
  /** Label, function, type, local, global, table; of a block, `NO_TYPE`, or a type's index, or `-2 - valueType`. */
  first = new Int32Array(1024);
  /** Table of call_indirect; number of targets of br_table. */
  second = new Uint32Array(1024);
  /** Targets of all br_table operators of this body, one after another; `first` says where each begins. */
  targets: number[] = [];

  push(code: number, offset: number): number {
    if (this.count === this.code.length) this.#grow();
    const index = this.count++;
    this.code[index] = code;
    this.offset[index] = offset;
    this.first[index] = 0;
    this.second[index] = 0;
    return index;
  }

  /** The first immediate of the operator `op`. */
  argument(op: number): number {
    return this.first[op] ?? 0;
  }

  #grow(): void {
    const size = this.code.length * 2;
    const grown = <T extends { set(from: T): void }>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.code = grown(new Uint16Array(size), this.code);
    this.offset = grown(new Uint32Array(size + 1), this.offset);
    this.first = grown(new Int32Array(size), this.first);
    this.second = grown(new Uint32Array(size), this.second);
  }
}

/** Decodes the body that `reader` spans into `body`; `params` are the types of the parameters. */
export function decodeBody(reader: Reader, params: readonly number[], body: Body): void {
  body.count = 0;
  body.targets.length = 0;
  body.locals = readLocals(reader, params);
  let depth = 1;
  while (depth > 0) {
    const at = reader.offset;
    const code = readCode(reader);
    const index = body.push(code, at);
    if (code === OP.block || code === OP.loop || code === OP.if) depth++;
    else if (code === OP.end) depth--;
    readImmediates(OPERATORS[code]?.immediate ?? "none", reader, body, index);
  }
  if (!reader.isAtEnd) throw malformed("operators remain after the end of the function", reader.offset);
  body.offset[body.count] = reader.offset;
}

function readLocals(reader: Reader, params: readonly number[]): number[] {
  const locals = [...params];
  const start = reader.offset;
  const groups = reader.u32();
  let total = params.length;
  for (let group = 0; group < groups; group++) {
    const count = reader.u32();
    total += count;
    if (total > MAX_LOCALS) throw malformed(`too many locals: ${total}, at most ${MAX_LOCALS} are taken`, start);
    const type = readValueType(reader);
    for (let local = 0; local < count; local++) locals.push(type);
  }
  return locals;
}

/** The operator's number in `OPERATORS`. */
export function readCode(reader: Reader): number {
  const at = reader.offset;
  let code = reader.byte();
  if (code === 0xfb) throw unsupported("typed references and garbage collection", at);
  if (code === 0xfd) throw unsupported(reader.u32() >= 0x100 ? "relaxed SIMD" : "SIMD", at);
  if (code === 0xfe) throw unsupported("threads (an atomic operator)", at);
  if (code === 0xfc) code = 0x100 + Math.min(reader.u32(), 0xff);
  if (OPERATORS[code] !== undefined) return code;
  const proposal = proposalOf(code);
  if (proposal !== undefined) throw unsupported(proposal, at);
  throw malformed(`illegal opcode 0x${code >= 0x100 ? `fc 0x${(code - 0x100).toString(16)}` : code.toString(16)}`, at);
}

function readImmediates(kind: Immediate, reader: Reader, body: Body, index: number): void {
  switch (kind) {
    case "none":
      return;
    case "label":
    case "function":
    case "local":
    case "global":
    case "table":
    case "data":
    case "element":
      body.first[index] = reader.u32();
      return;
    case "block":
      body.first[index] = readBlockType(reader);
      return;
    case "labels":
      return readTargets(reader, body, index);
    case "indirect":
    case "elementTable":
    case "tables":
      body.first[index] = reader.u32();
      body.second[index] = reader.u32();
      return;
    case "memarg":
      return readMemoryArgument(reader);
    case "memory":
      return readMemory(reader);
    case "memories":
      readMemory(reader);
      return readMemory(reader);
    case "dataMemory":
      body.first[index] = reader.u32();
      return readMemory(reader);
    case "i32":
      return reader.skipSigned(32);
    case "i64":
      return reader.skipSigned(64);
    case "f32":
      return reader.skip(4);
    case "f64":
      return reader.skip(8);
    case "reference":
      readReferenceType(reader);
      return;
    case "types":
      reader.list("types of a select", 1, () => readValueType(reader));
  }
}

function readBlockType(reader: Reader): number {
  const at = reader.offset;
  const byte = reader.bytes[at] ?? 0;
  if (byte === EMPTY_BLOCK) {
    reader.byte();
    return NO_TYPE;
  }
  if ((byte & 0xc0) === 0x40) return -2 - readValueType(reader);
  const type = reader.signed(33);
  if (type < 0) throw malformed(`malformed block type ${type}`, at);
  return type;
}

function readTargets(reader: Reader, body: Body, index: number): void {
  const at = reader.offset;
  const count = reader.u32() + 1;
  if (count > MAX_BRANCH_TARGETS) throw malformed(`too many targets of br_table: ${count}`, at);
  body.first[index] = body.targets.length;
  body.second[index] = count;
  for (let target = 0; target < count; target++) body.targets.push(reader.u32());
}

function readMemoryArgument(reader: Reader): void {
  const at = reader.offset;
  const alignment = reader.u32();
  if (alignment >= 0x40 && alignment < 0x80) throw unsupported("several memories (multi-memory)", at);
  if (alignment > 0x1f) throw malformed("malformed memop flags", at);
  reader.u32();
}

function readMemory(reader: Reader): void {
  const at = reader.offset;
  if (reader.byte() !== 0) throw malformed("zero byte expected: there is one memory, with the index 0", at);
}
