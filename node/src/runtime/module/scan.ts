/**
 * The first walk through all bodies: refuses what is not supported wherever it stands, and notes which functions each one
 * calls, and which are taken as references.
 */
import { Body, decodeBody } from "./body.ts";
import { malformed } from "./error.ts";
import { OP } from "./opcodes.ts";
import { Reader } from "./reader.ts";
import type { Sections } from "./sections.ts";

/** Parameters and locals of all functions together: each is worked through, though a handful of bytes declares thousands. */
const MAX_LOCALS_OF_ALL = 4_000_000;

/** Calls of one defined function. */
export interface Calls {
  /** Indices of functions called directly, each once. */
  readonly direct: ReadonlySet<number>;
  /** Indices of the types of indirect calls, each once. */
  readonly indirect: ReadonlySet<number>;
}

export interface Scan {
  /** By defined function. */
  readonly calls: readonly Calls[];
  /** Functions named by a `ref.func` in some body. */
  readonly referenced: ReadonlySet<number>;
}

export function scanBodies(bytes: Uint8Array, { types, functions, bodies }: Sections): Scan {
  const body = new Body();
  const referenced = new Set<number>();
  let locals = 0;
  const calls = bodies.map(({ start, end }, index) => {
    const type = types[functions[index] ?? -1];
    if (type === undefined) throw malformed(`unknown type ${functions[index]} of a function`, start);
    decodeBody(new Reader(bytes, start, end), type.params, body);
    locals += body.locals.length;
    if (locals > MAX_LOCALS_OF_ALL)
      throw malformed(`too many locals: all functions together may have ${MAX_LOCALS_OF_ALL}`, start);
    return callsOf(body, referenced);
  });
  return { calls, referenced };
}

function callsOf(body: Body, referenced: Set<number>): Calls {
  const direct = new Set<number>();
  const indirect = new Set<number>();
  for (let op = 0; op < body.count; op++) {
    const code = body.code[op];
    if (code === OP.call) direct.add(body.argument(op));
    else if (code === OP.call_indirect) indirect.add(body.argument(op));
    else if (code === OP.ref_func) referenced.add(body.argument(op));
  }
  return { direct, indirect };
}
