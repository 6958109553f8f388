/**
 * How `fail` ends a call from any depth. The guest sets a global, exported for this pass only; here every function that sets it
 * returns at once, and behind every call of a function that may have set it stands `if (failed) return`. So the method's
 * exported function returns without having done anything more, and the node finds the error that was handed to it.
 *
 * Functions that cannot fail are left as they are. A call through the table may reach any function of the module, so it is
 * taken for one that may fail as soon as any may.
 */
import { Cursor, joined, leb, moduleOf, SECTION, type Section, sectionsOf } from "./binary.ts";
import { EMPTY_BLOCK, GLOBAL_GET, GLOBAL_SET, OP, skipImmediates } from "./instructions.ts";

export const FAILED_EXPORT = "__shoal_failed";

const KIND_FUNCTION = 0;
const KIND_GLOBAL = 3;

/** Where a body calls and where it fails: offsets behind the instruction. */
interface Site {
  readonly at: number;
  /** Function called; `table` for a call through the table, `fails` where the global is set. */
  readonly to: number | "table" | "fails";
}

interface Body {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly sites: readonly Site[];
  readonly results: readonly number[];
}

/** `module` with the returns in place and without the global's export. Throws where the module does not export it. */
export function unwinding(module: Uint8Array): Uint8Array {
  const sections = sectionsOf(module);
  const { global, exports } = withoutExport(body(sections, SECTION.export));
  const bodies = bodiesOf(sections, global);
  const failing = failingOf(bodies);
  const code = joined([
    Uint8Array.from(leb(bodies.length)),
    ...bodies.flatMap((one) => {
      const bytes = failing.has(one.index) ? instrumented(one, failing, global) : one.bytes;
      return [Uint8Array.from(leb(bytes.length)), bytes];
    }),
  ]);
  const replaced = (section: Section): Section => {
    if (section.id === SECTION.export) return { id: section.id, body: exports };
    return section.id === SECTION.code ? { id: section.id, body: code } : section;
  };
  return moduleOf(module, sections.map(replaced));
}

function body(sections: readonly Section[], id: number): Uint8Array {
  return sections.find((section) => section.id === id)?.body ?? Uint8Array.of(0);
}

function withoutExport(section: Uint8Array): { readonly global: number; readonly exports: Uint8Array } {
  const cursor = new Cursor(section);
  const kept: Uint8Array[] = [];
  let global: number | undefined;
  for (let left = cursor.u32(); left > 0; left--) {
    const start = cursor.at;
    const name = cursor.name();
    const kind = cursor.byte();
    const index = cursor.u32();
    if (name === FAILED_EXPORT && kind === KIND_GLOBAL) global = index;
    else kept.push(section.subarray(start, cursor.at));
  }
  if (global === undefined) throw new Error(`the module does not export ${FAILED_EXPORT}`);
  return { global, exports: joined([Uint8Array.from(leb(kept.length)), ...kept]) };
}

function bodiesOf(sections: readonly Section[], global: number): readonly Body[] {
  const results = resultsOf(body(sections, SECTION.type));
  const types = typesOf(body(sections, SECTION.function));
  const imported = importedFunctions(body(sections, SECTION.import));
  const cursor = new Cursor(body(sections, SECTION.code));
  return Array.from({ length: cursor.u32() }, (_, at) => {
    const bytes = cursor.take(cursor.u32());
    return { index: imported + at, bytes, sites: sitesOf(bytes, global), results: results[types[at] ?? -1] ?? [] };
  });
}

function resultsOf(section: Uint8Array): readonly (readonly number[])[] {
  const cursor = new Cursor(section);
  return Array.from({ length: cursor.u32() }, () => {
    cursor.byte();
    cursor.take(cursor.u32());
    return [...cursor.take(cursor.u32())];
  });
}

function typesOf(section: Uint8Array): readonly number[] {
  const cursor = new Cursor(section);
  return Array.from({ length: cursor.u32() }, () => cursor.u32());
}

/** The compiler imports functions only: the guest brings its own memory. */
function importedFunctions(section: Uint8Array): number {
  const cursor = new Cursor(section);
  const count = cursor.u32();
  for (let left = count; left > 0; left--) {
    cursor.name();
    cursor.name();
    if (cursor.byte() !== KIND_FUNCTION) throw new Error("the module imports more than functions");
    cursor.skipLeb();
  }
  return count;
}

function sitesOf(bytes: Uint8Array, global: number): readonly Site[] {
  const sites: Site[] = [];
  const cursor = new Cursor(bytes);
  for (let groups = cursor.u32(); groups > 0; groups--) {
    cursor.skipLeb();
    cursor.byte();
  }
  while (cursor.at < bytes.length) {
    const opcode = cursor.byte();
    const operand = opcode === OP.call || opcode === GLOBAL_SET ? new Cursor(bytes, cursor.at).u32() : 0;
    skipImmediates(cursor, opcode);
    if (opcode === OP.call) sites.push({ at: cursor.at, to: operand });
    if (opcode === OP.callIndirect) sites.push({ at: cursor.at, to: "table" });
    if (opcode === GLOBAL_SET && operand === global) sites.push({ at: cursor.at, to: "fails" });
  }
  return sites;
}

/** The functions that may fail: those that set the global, and whoever calls one of them, until no more are found. */
function failingOf(bodies: readonly Body[]): ReadonlySet<number> {
  const failing = new Set<number>();
  for (let before = -1; before !== failing.size;) {
    before = failing.size;
    for (const { index, sites } of bodies) if (sites.some(({ to }) => mayFail(to, failing))) failing.add(index);
  }
  return failing;
}

function mayFail(to: Site["to"], failing: ReadonlySet<number>): boolean {
  if (to === "fails") return true;
  return to === "table" ? failing.size > 0 : failing.has(to);
}

function instrumented({ bytes, sites, results }: Body, failing: ReadonlySet<number>, global: number): Uint8Array {
  const leave = [...results.flatMap(zeroOf), OP.return];
  const check = Uint8Array.from([GLOBAL_GET, ...leb(global), OP.if, EMPTY_BLOCK, ...leave, OP.end]);
  const parts: Uint8Array[] = [];
  let done = 0;
  for (const { at, to } of sites) {
    if (!mayFail(to, failing)) continue;
    parts.push(bytes.subarray(done, at), to === "fails" ? Uint8Array.from(leave) : check);
    done = at;
  }
  return joined([...parts, bytes.subarray(done)]);
}

/** A zero of the type: what a function that fails returns, and nobody reads. */
function zeroOf(type: number): readonly number[] {
  const constants: Readonly<Record<number, readonly number[]>> = {
    0x7f: [0x41, 0],
    0x7e: [0x42, 0],
    0x7d: [0x43, 0, 0, 0, 0],
    0x7c: [0x44, 0, 0, 0, 0, 0, 0, 0, 0],
  };
  const zero = constants[type];
  if (zero === undefined) throw new Error(`a function of the compiler's returns a type that is unknown: ${type}`);
  return zero;
}
