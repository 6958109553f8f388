/**
 * A module's sections, decoded: everything but the operators of function bodies, of which only the place is noted. What is
 * malformed, and what belongs to a proposal that is not supported, is refused on the way; whether the rest is valid is
 * the engine's to say.
 */
import { readConstExpression, type ConstExpression } from "./const-expression.ts";
import { malformed, refused, unsupported } from "./error.ts";
import { readElement, type Element } from "./elements.ts";
import { Reader } from "./reader.ts";
import {
  readFunctionType,
  readLimits,
  readReferenceType,
  readValueType,
  type FunctionType,
  type Limits,
} from "./types.ts";

const MAX_TYPES = 100_000;
const MAX_IMPORTS = 10_000;
const MAX_FUNCTIONS = 200_000;
const MAX_TABLES = 16;
const MAX_GLOBALS = 100_000;
const MAX_EXPORTS = 100_000;
const MAX_SEGMENTS = 100_000;

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
/** Custom section in which the SDK leaves the application's interface. */
const ABI_SECTION = "calimero_abi_v1";
/** Section numbers in the order that they must have: data count comes before code. */
const ORDER = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];
const TAG_SECTION = 13;
const KINDS = ["function", "table", "memory", "global"] as const;

export type ExternalKind = (typeof KINDS)[number];

export interface Import {
  readonly module: string;
  readonly name: string;
  readonly type: number;
  readonly offset: number;
}

export interface Export {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
  readonly offset: number;
}

export interface Global {
  readonly type: number;
  readonly mutable: boolean;
  readonly value: ConstExpression;
}

export interface DataSegment {
  /** Undefined for a passive segment. */
  readonly at: ConstExpression | undefined;
  readonly length: number;
  readonly offset: number;
}

/** From `start` up to and without `end`, in bytes of the module. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Sections {
  types: readonly FunctionType[];
  imports: readonly Import[];
  /** Index of the type of each function that the module defines. */
  functions: readonly number[];
  tables: readonly { readonly type: number; readonly limits: Limits }[];
  memories: readonly { readonly limits: Limits; readonly offset: number }[];
  globals: readonly Global[];
  exports: readonly Export[];
  start: number | undefined;
  elements: readonly Element[];
  dataCount: number | undefined;
  bodies: readonly Span[];
  data: readonly DataSegment[];
  /** The data section's payload. */
  dataSpan: Span | undefined;
  /** Text of the ABI section. */
  abi: string | undefined;
}

export function readSections(bytes: Uint8Array): Sections {
  const reader = new Reader(bytes);
  readHeader(reader);
  const sections = emptySections();
  let rank = -1;
  while (!reader.isAtEnd) {
    const at = reader.offset;
    const id = reader.byte();
    const part = reader.part(reader.u32());
    if (id === 0) {
      readCustom(part, sections);
      continue;
    }
    if (id === TAG_SECTION) throw unsupported("exception handling (a tag section)", at);
    const place = ORDER.indexOf(id);
    if (place < 0) throw malformed(`malformed section id ${id}`, at);
    if (place <= rank) throw malformed(`unexpected content after last section: section ${id} is out of order`, at);
    rank = place;
    readSection(id, part, sections);
    if (!part.isAtEnd) throw malformed(`section size mismatch: section ${id} is longer than what it says`, part.offset);
  }
  checkCounts(sections, reader.offset);
  return sections;
}

function emptySections(): Sections {
  return {
    types: [],
    imports: [],
    functions: [],
    tables: [],
    memories: [],
    globals: [],
    exports: [],
    start: undefined,
    elements: [],
    dataCount: undefined,
    bodies: [],
    data: [],
    dataSpan: undefined,
    abi: undefined,
  };
}

function readHeader(reader: Reader): void {
  for (const [at, expected] of MAGIC.entries()) {
    if (reader.byte() === expected) continue;
    throw at < 4
      ? malformed("magic header not detected: these bytes are no WebAssembly module", at)
      : malformed("unknown binary version: only version 1 of a core module is taken", at);
  }
}

function readCustom(part: Reader, sections: Sections): void {
  const name = part.name();
  if (name !== ABI_SECTION) return;
  if (sections.abi !== undefined) throw refused(`the custom section ${ABI_SECTION} is there twice`, part.offset);
  const start = part.offset;
  try {
    sections.abi = new TextDecoder("utf-8", { fatal: true }).decode(part.take(part.end - part.offset));
  } catch (cause) {
    throw Object.assign(refused(`the custom section ${ABI_SECTION} is not UTF-8`, start), { cause });
  }
}

function readSection(id: number, part: Reader, sections: Sections): void {
  switch (id) {
    case 1:
      sections.types = part.list("types", MAX_TYPES, () => readFunctionType(part));
      return;
    case 2:
      sections.imports = part.list("imports", MAX_IMPORTS, () => readImport(part));
      return;
    case 3:
      sections.functions = part.list("functions", MAX_FUNCTIONS, () => part.u32());
      return;
    case 4:
      sections.tables = part.list("tables", MAX_TABLES, () => readTable(part));
      return;
    case 5:
      sections.memories = part.list("memories", MAX_SEGMENTS, () => {
        const offset = part.offset;
        return { limits: readLimits(part, "memory"), offset };
      });
      return;
    case 6:
      sections.globals = part.list("globals", MAX_GLOBALS, () => readGlobal(part));
      return;
    case 7:
      sections.exports = part.list("exports", MAX_EXPORTS, () => readExport(part));
      return;
    case 8:
      sections.start = part.u32();
      return;
    case 9:
      sections.elements = part.list("element segments", MAX_SEGMENTS, () => readElement(part));
      return;
    case 10:
      sections.bodies = part.list("function bodies", MAX_FUNCTIONS, () => {
        const { offset: start, end } = part.part(part.u32());
        return { start, end };
      });
      return;
    case 11:
      sections.dataSpan = { start: part.offset, end: part.end };
      sections.data = part.list("data segments", MAX_SEGMENTS, () => readData(part));
      return;
    default:
      sections.dataCount = part.u32();
  }
}

function readImport(part: Reader): Import {
  const offset = part.offset;
  const module = part.name();
  const name = part.name();
  const kind = part.byte();
  if (kind === 0) return { module, name, type: part.u32(), offset };
  if (kind === 4) throw unsupported("exception handling (an imported tag)", offset);
  const what = KINDS[kind];
  if (what === undefined) throw malformed(`malformed import kind ${kind}`, part.offset - 1);
  // Read to its end first: a malformed import is told as such.
  if (what === "global") {
    readValueType(part);
    readMutability(part);
  } else {
    if (what === "table") readReferenceType(part);
    readLimits(part, what === "table" ? what : "memory");
  }
  throw refused(`the module imports the ${what} "${module}" "${name}": only functions can be imported`, offset);
}

function readTable(part: Reader): Sections["tables"][number] {
  const at = part.offset;
  if (part.bytes[at] === FORM_WITH_VALUE)
    throw unsupported("typed function references (a table with an initial value)", at);
  return { type: readReferenceType(part), limits: readLimits(part, "table") };
}

const FORM_WITH_VALUE = 0x40;

function readMutability(part: Reader): boolean {
  const at = part.offset;
  const flag = part.byte();
  if (flag > 3) throw malformed(`malformed mutability ${flag}`, at);
  if (flag > 1) throw unsupported("threads (a shared global)", at);
  return flag === 1;
}

function readGlobal(part: Reader): Global {
  const type = readValueType(part);
  const mutable = readMutability(part);
  return { type, mutable, value: readConstExpression(part) };
}

function readExport(part: Reader): Export {
  const offset = part.offset;
  const name = part.name();
  const kind = part.byte();
  if (kind === 4) throw unsupported("exception handling (an exported tag)", offset);
  const what = KINDS[kind];
  if (what === undefined) throw malformed(`malformed export kind ${kind}`, part.offset - 1);
  return { name, kind: what, index: part.u32(), offset };
}

function readData(part: Reader): DataSegment {
  const offset = part.offset;
  const flags = part.u32();
  if (flags > 2) throw malformed(`malformed data segment flags ${flags}`, offset);
  if (flags === 2 && part.u32() !== 0) throw malformed("unknown memory of a data segment", offset);
  const at = flags === 1 ? undefined : readConstExpression(part);
  const length = part.u32();
  part.skip(length);
  return { at, length, offset };
}

function checkCounts({ functions, bodies, dataCount, data, memories }: Sections, end: number): void {
  if (functions.length !== bodies.length)
    throw malformed(
      `function and code section have inconsistent lengths: ${functions.length} functions, ${bodies.length} bodies`,
      end,
    );
  if (dataCount !== undefined && dataCount !== data.length)
    throw malformed(
      `data count and data section have inconsistent lengths: ${dataCount} were said, ${data.length} are there`,
      end,
    );
  const second = memories[1];
  if (second !== undefined) throw unsupported("several memories (multi-memory)", second.offset);
}
