/** The functions between metered ones and the outside, which know nothing of meters in parameters. */
import { OP } from "./opcodes.ts";
import { addressTaken } from "./reach.ts";
import type { Layout } from "./rewrite.ts";
import type { Scan } from "./scan.ts";
import type { Sections } from "./sections.ts";
import { Writer } from "./writer.ts";

/** Which functions need one, and the index of it. */
export interface Adapters {
  /** Imports that are called through references. */
  readonly imports: ReadonlyMap<number, number>;
  /** Defined functions that are exported, or that start the module. */
  readonly exports: ReadonlyMap<number, number>;
}

export function adaptersOf(sections: Sections, scan: Scan): Adapters {
  const { imports, functions, exports, start } = sections;
  let next = imports.length + functions.length;
  const inner = new Map<number, number>();
  for (const index of addressTaken(sections, scan)) if (index < imports.length) inner.set(index, next++);
  const outer = new Map<number, number>();
  const open = exports.filter(({ kind }) => kind === "function").map(({ index }) => index);
  for (const index of start === undefined ? open : [...open, start])
    if (index >= imports.length && !outer.has(index)) outer.set(index, next++);
  return { imports: inner, exports: outer };
}

function passParams(out: Writer, count: number): void {
  for (let param = 0; param < count; param++) out.byte(OP.local_get).u32(param);
}

/** Takes the meters from their globals, calls the function, and puts gas back. */
export function exportBody(index: number, params: number, { gas, stack }: Layout): Uint8Array {
  const out = new Writer(32).u32(0);
  passParams(out, params);
  out.byte(OP.global_get).u32(gas).byte(OP.global_get).u32(stack);
  return out.byte(OP.call).u32(index).byte(OP.global_set).u32(gas).byte(OP.end).view();
}

/** Shows the host what gas is left, calls the import, and answers what the host leaves. */
export function importBody(index: number, params: number, { gas }: Layout): Uint8Array {
  const out = new Writer(32).u32(0).byte(OP.local_get).u32(params).byte(OP.global_set).u32(gas);
  passParams(out, params);
  return out.byte(OP.call).u32(index).byte(OP.global_get).u32(gas).byte(OP.end).view();
}
