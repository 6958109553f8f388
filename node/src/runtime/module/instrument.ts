/**
 * The module, written anew with its meters. Every function that the module defines gets gas and stack as parameters and gas
 * back as a result (`rewrite.ts`), and keeps its index. Where such a function meets the outside there is a function between:
 * one for each export, which takes the meters from their globals and puts gas back, and one for each import that is called
 * through a reference. The start function becomes an export, so that the host can set the meters before it runs. Memory and
 * tables get a maximum. Custom sections are left out.
 */
import { Body, decodeBody } from "./body.ts";
import { MAX_TABLE_ELEMENTS } from "./checks.ts";
import { chargesOf } from "./charges.ts";
import type { ConstExpression } from "./const-expression.ts";
import { GAS_METER, STACK_METER, START } from "./meters.ts";
import { OP } from "./opcodes.ts";
import { surroundingsOf, traceOperands } from "./operands.ts";
import { reachOf } from "./reach.ts";
import { Reader } from "./reader.ts";
import { BodyRewriter, shortBlockType, type Layout } from "./rewrite.ts";
import type { Scan } from "./scan.ts";
import type { Sections } from "./sections.ts";
import { adaptersOf, exportBody, importBody, type Adapters } from "./adapters.ts";
import { FUNCREF, I32, I64, textOf, type FunctionType, type Limits } from "./types.ts";
import { Writer } from "./writer.ts";

/** Changes with every change of what is written for the same module, since that changes gas, or traps, or both. */
export const INSTRUMENTER_VERSION = 1;

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const MUTABLE = 1;

export function instrument(bytes: Uint8Array, sections: Sections, scan: Scan, maxMemoryPages: number): Uint8Array {
  return new Instrumenter(bytes, sections, scan, maxMemoryPages).write();
}

class Instrumenter {
  readonly #bytes: Uint8Array;
  readonly #sections: Sections;
  readonly #scan: Scan;
  readonly #maxMemoryPages: number;
  readonly #adapters: Adapters;
  readonly #layout: Layout;
  /** Types of blocks with several results, after all others. */
  readonly #blockTypes = new Map<string, { readonly type: FunctionType; readonly index: number }>();
  readonly #out: Writer;

  constructor(bytes: Uint8Array, sections: Sections, scan: Scan, maxMemoryPages: number) {
    this.#bytes = bytes;
    this.#sections = sections;
    this.#scan = scan;
    this.#maxMemoryPages = maxMemoryPages;
    this.#adapters = adaptersOf(sections, scan);
    this.#out = new Writer(bytes.length * 2);
    this.#layout = {
      imports: sections.imports.length,
      types: sections.types.length,
      gas: sections.globals.length,
      stack: sections.globals.length + 1,
      reference: (index) => this.#adapters.imports.get(index) ?? index,
      blockType: (results) => shortBlockType(results) ?? this.#blockType(results),
    };
  }

  write(): Uint8Array {
    const out = this.#out.bytes(HEADER);
    // Bodies come first, since writing them tells which types of blocks there have to be.
    const bodies = this.#bodies();
    this.#section(1, this.#types());
    this.#section(2, this.#imports());
    this.#section(3, this.#functions());
    if (this.#sections.tables.length > 0) this.#section(4, this.#tables());
    this.#section(5, this.#memory());
    this.#section(6, this.#globals());
    this.#section(7, this.#exports());
    this.#section(9, this.#elements());
    if (this.#sections.dataCount !== undefined) this.#section(12, new Writer().u32(this.#sections.dataCount));
    this.#section(10, bodies);
    const { dataSpan } = this.#sections;
    if (dataSpan !== undefined) this.#section(11, new Writer().copy(this.#bytes, dataSpan.start, dataSpan.end));
    return out.finish();
  }

  #section(id: number, content: Writer): void {
    this.#out.byte(id).u32(content.length).bytes(content.view());
  }

  #blockType(results: readonly number[]): readonly number[] {
    const type: FunctionType = { params: [], results };
    const known = this.#blockTypes.get(textOf(type));
    const index = known?.index ?? this.#layout.types * 2 + this.#blockTypes.size;
    if (known === undefined) this.#blockTypes.set(textOf(type), { type, index });
    // A type's index is signed there: it needs a bit for the sign.
    return [...new Writer(5).signed(index).view()];
  }

  #types(): Writer {
    const { types } = this.#sections;
    const out = new Writer().u32(types.length * 2 + this.#blockTypes.size);
    const write = ({ params, results }: FunctionType): void => {
      out.byte(0x60).u32(params.length).bytes(params).u32(results.length).bytes(results);
    };
    for (const type of types) write(type);
    for (const { params, results } of types) write({ params: [...params, I64, I32], results: [...results, I64] });
    for (const { type } of this.#blockTypes.values()) write(type);
    return out;
  }

  #imports(): Writer {
    const { imports } = this.#sections;
    const out = new Writer().u32(imports.length);
    for (const { module, name, type } of imports) out.name(module).name(name).byte(0).u32(type);
    return out;
  }

  #functions(): Writer {
    const { functions } = this.#sections;
    const { imports, exports } = this.#adapters;
    const out = new Writer().u32(functions.length + imports.size + exports.size);
    for (const type of functions) out.u32(type + this.#layout.types);
    for (const index of imports.keys()) out.u32(this.#typeIndex(index) + this.#layout.types);
    for (const index of exports.keys()) out.u32(this.#typeIndex(index));
    return out;
  }

  #typeIndex(functionIndex: number): number {
    const { imports, functions } = this.#sections;
    return imports[functionIndex]?.type ?? functions[functionIndex - imports.length] ?? 0;
  }

  #tables(): Writer {
    const { tables } = this.#sections;
    const out = new Writer().u32(tables.length);
    for (const { type, limits } of tables) writeLimits(out.byte(type), limits, MAX_TABLE_ELEMENTS);
    return out;
  }

  #memory(): Writer {
    const { memories } = this.#sections;
    const out = new Writer().u32(memories.length);
    for (const { limits } of memories) writeLimits(out, limits, this.#maxMemoryPages);
    return out;
  }

  #globals(): Writer {
    const { globals } = this.#sections;
    const out = new Writer().u32(globals.length + 2);
    for (const { type, mutable, value } of globals) this.#expression(out.byte(type).byte(mutable ? 1 : 0), value);
    out.byte(I64).byte(MUTABLE).bytes([OP.i64_const, 0, OP.end]);
    out.byte(I32).byte(MUTABLE).bytes([OP.i32_const, 0, OP.end]);
    return out;
  }

  #expression(out: Writer, { start, end, function: index }: ConstExpression): void {
    if (index === undefined) out.copy(this.#bytes, start, end);
    else out.byte(OP.ref_func).u32(this.#layout.reference(index)).byte(OP.end);
  }

  #exports(): Writer {
    const { exports, start } = this.#sections;
    const out = new Writer().u32(exports.length + 2 + (start === undefined ? 0 : 1));
    const outer = (index: number): number => this.#adapters.exports.get(index) ?? index;
    for (const { name, kind, index } of exports) {
      out.name(name);
      if (kind === "function") out.byte(0).u32(outer(index));
      else out.byte(kind === "table" ? 1 : kind === "memory" ? 2 : 3).u32(index);
    }
    out.name(GAS_METER).byte(3).u32(this.#layout.gas);
    out.name(STACK_METER).byte(3).u32(this.#layout.stack);
    if (start !== undefined) out.name(START).byte(0).u32(outer(start));
    return out;
  }

  #elements(): Writer {
    const { elements } = this.#sections;
    // An export no longer declares the function itself as one that may be referred to.
    const declared = [...this.#scan.referenced];
    const out = new Writer().u32(elements.length + (declared.length > 0 ? 1 : 0));
    for (const { mode, table, at, type, functions } of elements) {
      const isPlain = type === FUNCREF && functions.every((index) => index !== undefined);
      const flags = mode === "active" ? 2 : mode === "passive" ? 1 : 3;
      out.byte(isPlain ? flags : flags | 4);
      if (at !== undefined) this.#expression(out.u32(table), at);
      out.byte(isPlain ? 0 : type).u32(functions.length);
      for (const index of functions) {
        if (isPlain) out.u32(this.#layout.reference(index ?? 0));
        else if (index === undefined) out.byte(OP.ref_null).byte(type).byte(OP.end);
        else out.byte(OP.ref_func).u32(this.#layout.reference(index)).byte(OP.end);
      }
    }
    if (declared.length > 0) {
      out.byte(3).byte(0).u32(declared.length);
      for (const index of declared) out.u32(this.#layout.reference(index));
    }
    return out;
  }

  #bodies(): Writer {
    const { bodies, functions, types } = this.#sections;
    const { imports, exports } = this.#adapters;
    const out = new Writer(this.#bytes.length * 2).u32(bodies.length + imports.size + exports.size);
    const reach = reachOf(this.#sections, this.#scan);
    const around = surroundingsOf(this.#sections);
    const rewriter = new BodyRewriter(this.#bytes, this.#layout);
    const body = new Body();
    for (const [index, { start, end }] of bodies.entries()) {
      const type = types[functions[index] ?? -1] ?? { params: [], results: [] };
      decodeBody(new Reader(this.#bytes, start, end), type.params, body);
      const charges = chargesOf(body, reach);
      const operands = traceOperands(this.#bytes, body, type, around, charges.dead);
      const written = rewriter.rewrite(body, { type, ...charges, ...operands });
      out.u32(written.length).bytes(written);
    }
    const adapt = (write: typeof importBody, index: number): void => {
      const written = write(index, around.typeOf(index).params.length, this.#layout);
      out.u32(written.length).bytes(written);
    };
    for (const index of imports.keys()) adapt(importBody, index);
    for (const index of exports.keys()) adapt(exportBody, index);
    return out;
  }
}

function writeLimits(out: Writer, { minimum, maximum = Infinity }: Limits, cap: number): void {
  out.byte(1).u32(minimum).u32(Math.min(maximum, cap));
}
