/** Value types, function types, and limits of memories and tables, as they are written in a module. */
import { malformed, unsupported } from "./error.ts";
import type { Reader } from "./reader.ts";

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const FUNCREF = 0x70;
export const EXTERNREF = 0x6f;

const V128 = 0x7b;
const EXNREF = 0x69;
const FUNCTION_TYPE = 0x60;
/** Of one function: what the engine takes, less what the instrumenter adds. */
const MAX_PARAMS = 990;
const MAX_RESULTS = 990;

export interface FunctionType {
  readonly params: readonly number[];
  readonly results: readonly number[];
}

export interface Limits {
  readonly minimum: number;
  readonly maximum: number | undefined;
}

const TEXT: Readonly<Record<number, string>> = {
  [I32]: "i32",
  [I64]: "i64",
  [F32]: "f32",
  [F64]: "f64",
  [FUNCREF]: "funcref",
  [EXTERNREF]: "externref",
};

/** `(i32, i64) -> i32`, for messages; also the same for two types exactly if they are the same type. */
export function textOf({ params, results }: FunctionType): string {
  const words = (types: readonly number[]): string => types.map((type) => TEXT[type] ?? "?").join(", ");
  return `(${words(params)}) -> ${results.length === 1 ? words(results) : `(${words(results)})`}`;
}

export function isReference(type: number): boolean {
  return type === FUNCREF || type === EXTERNREF;
}

export function isFloat(type: number): boolean {
  return type === F32 || type === F64;
}

function refuseType(type: number, offset: number, what: string): never {
  if (type === V128) throw unsupported("SIMD (v128)", offset);
  if (type === EXNREF || type === 0x68 || type === 0x74) throw unsupported("exception handling", offset);
  if ((type >= 0x63 && type <= 0x6e) || (type >= 0x71 && type <= 0x73))
    throw unsupported("typed references and garbage collection", offset);
  throw malformed(`malformed ${what} 0x${type.toString(16)}`, offset);
}

export function readValueType(reader: Reader): number {
  const at = reader.offset;
  const type = reader.byte();
  return TEXT[type] === undefined ? refuseType(type, at, "value type") : type;
}

export function readReferenceType(reader: Reader): number {
  const at = reader.offset;
  const type = reader.byte();
  return isReference(type) ? type : refuseType(type, at, "reference type");
}

export function readFunctionType(reader: Reader): FunctionType {
  const at = reader.offset;
  const form = reader.byte();
  if (form === 0x5f || form === 0x5e || form === 0x50 || form === 0x4f || form === 0x4e)
    throw unsupported("typed references and garbage collection", at);
  if (form !== FUNCTION_TYPE) throw malformed(`malformed type: 0x${form.toString(16)} begins no function type`, at);
  const params = reader.list("parameters", MAX_PARAMS, () => readValueType(reader));
  const results = reader.list("results", MAX_RESULTS, () => readValueType(reader));
  return { params, results };
}

export function readLimits(reader: Reader, what: "memory" | "table"): Limits {
  const at = reader.offset;
  const flags = reader.byte();
  if (flags > 7) throw malformed(`malformed limits flags 0x${flags.toString(16)} of a ${what}`, at);
  if (flags & 2) throw unsupported(`threads (a shared ${what})`, at);
  if (flags & 4) throw unsupported(`a 64-bit ${what} (memory64)`, at);
  const minimum = reader.u32();
  return { minimum, maximum: flags & 1 ? reader.u32() : undefined };
}
