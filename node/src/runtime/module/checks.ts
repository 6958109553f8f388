/** What a valid module must keep to beyond being valid, so that it can run here; each rule refuses with its reason. */
import { IMPORTS, type AbiType } from "../abi.ts";
import { ModuleError, refused } from "./error.ts";
import type { Sections } from "./sections.ts";
import { FUNCREF, I32, I64, textOf, type FunctionType } from "./types.ts";

/** Elements of all tables together, before any of them grows. */
export const MAX_TABLE_ELEMENTS = 100_000;
/** Names that instrumenting adds. */
export const RESERVED_PREFIX = "__shoal_";
const PAGE_BYTES = 65_536;
const IMPORT_MODULE = "env";

export function checkModule(sections: Sections, maxMemoryPages: number): void {
  checkImports(sections);
  checkExports(sections);
  checkMemory(sections, maxMemoryPages);
  checkTables(sections);
}

function checkImports({ imports, types }: Sections): void {
  for (const { module, name, type, offset } of imports) {
    const link = (reason: string): ModuleError => new ModuleError("LinkError", reason, { offset });
    if (module !== IMPORT_MODULE)
      throw link(`the module imports "${module}" "${name}": functions can be imported from "${IMPORT_MODULE}" only`);
    const found = types[type];
    const known = IMPORTS[name];
    if (found === undefined || known === undefined) continue;
    if (name === "emit" && found.params.length === 4)
      throw link(
        `the import "emit" has 4 parameters: the module was built for the flattened host interface of 2024, which is not supported`,
      );
    const expected: FunctionType = {
      params: known.params.map(valueTypeOf),
      results: known.result === undefined ? [] : [valueTypeOf(known.result)],
    };
    if (textOf(found) !== textOf(expected))
      throw link(`the import "${name}" has the type ${textOf(found)}, but the host's has ${textOf(expected)}`);
  }
}

function valueTypeOf(type: AbiType): number {
  return type === "i32" ? I32 : I64;
}

function checkExports({ exports }: Sections): void {
  const memory = exports.find(({ name }) => name === "memory");
  if (memory === undefined) throw refused(`the module does not export "memory"`);
  if (memory.kind !== "memory") throw refused(`the export "memory" is a ${memory.kind}, not a memory`, memory.offset);
  for (const { name, offset } of exports) {
    if (name === "_start")
      throw refused(`the module exports "_start": it is a program, not an application with methods`, offset);
    if (name.startsWith(RESERVED_PREFIX))
      throw refused(`the export "${name}" has the reserved prefix "${RESERVED_PREFIX}"`, offset);
  }
}

function checkMemory({ memories, data }: Sections, maxMemoryPages: number): void {
  const memory = memories[0];
  if (memory === undefined) return;
  const { minimum } = memory.limits;
  if (minimum > maxMemoryPages)
    throw refused(
      `the memory begins with ${minimum} pages of 64 KiB, at most ${maxMemoryPages} are allowed`,
      memory.offset,
    );
  for (const [index, { at, length, offset }] of data.entries()) {
    if (at?.i32 === undefined || at.i32 + length <= minimum * PAGE_BYTES) continue;
    throw refused(`data segment ${index} ends at byte ${at.i32 + length}, past the memory's first size`, offset);
  }
}

function checkTables({ tables, elements }: Sections): void {
  const total = tables.reduce((sum, { limits }) => sum + limits.minimum, 0);
  if (total > MAX_TABLE_ELEMENTS)
    throw refused(`the tables begin with ${total} elements, at most ${MAX_TABLE_ELEMENTS} are allowed`);
  for (const [index, { at, table, functions, offset, type }] of elements.entries()) {
    if (at?.i32 === undefined) continue;
    const size = tables[table]?.limits.minimum ?? 0;
    if (at.i32 + functions.length <= size) continue;
    const what = type === FUNCREF ? "function" : "element";
    throw refused(`element segment ${index} puts its last ${what} past the table's first size`, offset);
  }
}
