/** Element segments: which functions a table holds, or can be given. */
import { readConstExpression, type ConstExpression } from "./const-expression.ts";
import { malformed } from "./error.ts";
import type { Reader } from "./reader.ts";
import { FUNCREF, readReferenceType } from "./types.ts";

const MAX_ELEMENTS = 10_000_000;
const FUNCTION_KIND = 0x00;
const PASSIVE = 1;
const EXPLICIT = 2;
const EXPRESSIONS = 4;

export interface Element {
  readonly mode: "active" | "passive" | "declarative";
  readonly table: number;
  /** Where in the table, of an active segment. */
  readonly at: ConstExpression | undefined;
  readonly type: number;
  /** Function of each element; undefined for a null. */
  readonly functions: readonly (number | undefined)[];
  readonly offset: number;
}

export function readElement(reader: Reader): Element {
  const offset = reader.offset;
  const flags = reader.u32();
  if (flags > 7) throw malformed(`malformed element segment flags ${flags}`, offset);
  const isActive = (flags & PASSIVE) === 0;
  const table = isActive && flags & EXPLICIT ? reader.u32() : 0;
  const at = isActive ? readConstExpression(reader) : undefined;
  const type = flags & (PASSIVE | EXPLICIT) ? readType(reader, (flags & EXPRESSIONS) !== 0) : FUNCREF;
  const functions = reader.list("elements", MAX_ELEMENTS, () =>
    flags & EXPRESSIONS ? readConstExpression(reader).function : reader.u32(),
  );
  return { mode: modeOf(flags), table, at, type, functions, offset };
}

function modeOf(flags: number): Element["mode"] {
  if ((flags & PASSIVE) === 0) return "active";
  return flags & EXPLICIT ? "declarative" : "passive";
}

function readType(reader: Reader, isExpressions: boolean): number {
  if (isExpressions) return readReferenceType(reader);
  const at = reader.offset;
  if (reader.byte() !== FUNCTION_KIND) throw malformed("malformed element kind: only functions are known", at);
  return FUNCREF;
}
