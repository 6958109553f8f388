/**
 * A guest's memory, lent to it by the host. A memory of its own per instance costs more than all the rest of an instance: the
 * system maps and unmaps it, and V8, which counts it, collects garbage every few dozen runs. So that one memory can serve one
 * run after another, modules are changed on this thread to import theirs. What a run sees does not change: it begins with zeros
 * and with the size that the module says; a memory that a run has grown cannot shrink and serves nobody else.
 */
import { Reader } from "../module/reader.ts";
import { type Limits, readLimits } from "../module/types.ts";
import { Writer } from "../module/writer.ts";

/** Under this name of `env`, which no function of a guest has. */
export const LENT_MEMORY = "__shoal_memory";

const PAGE_BYTES = 65_536;
/** Beyond that, a fresh memory costs less than filling a used one with zeros (2 µs for each page). */
const MAX_LENT_PAGES = 32;

const HEADER_BYTES = 8;
const CUSTOM = 0;
const IMPORTS = 2;
const MEMORIES = 5;
const MEMORY_KIND = 2;

interface Section {
  readonly id: number;
  readonly body: Reader;
}

export class LentMemory {
  readonly #limits: Limits;
  #kept: WebAssembly.Memory | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** All zeros, of the module's size. The last one's run must be over. */
  take(): WebAssembly.Memory {
    const { minimum, maximum } = this.#limits;
    const kept = this.#kept;
    if (kept !== undefined && kept.buffer.byteLength === minimum * PAGE_BYTES) {
      new Uint8Array(kept.buffer).fill(0);
      return kept;
    }
    const fresh = new WebAssembly.Memory(maximum === undefined ? { initial: minimum } : { initial: minimum, maximum });
    this.#kept = minimum > MAX_LENT_PAGES ? undefined : fresh;
    return fresh;
  }
}

/** The module with its memory imported, and what that has to be; a module without one stays as it is. `bytes` must be valid. */
export function importMemory(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly memory?: LentMemory } {
  const sections = sectionsOf(bytes);
  const own = sections.find(({ id }) => id === MEMORIES);
  const limits = own === undefined ? undefined : readLimits(afterCount(own.body), "memory");
  if (limits === undefined) return { bytes };
  const out = new Writer(bytes.length + 64).copy(bytes, 0, HEADER_BYTES);
  let imported = false;
  for (const { id, body } of sections) {
    if (id === MEMORIES) continue;
    if (!imported && id !== CUSTOM && id >= IMPORTS) {
      writeImports(out, id === IMPORTS ? body : undefined, limits);
      imported = true;
      if (id === IMPORTS) continue;
    }
    const content = body.take(body.end - body.offset);
    out.byte(id).u32(content.length).bytes(content);
  }
  return { bytes: out.finish(), memory: new LentMemory(limits) };
}

function sectionsOf(bytes: Uint8Array): Section[] {
  const reader = new Reader(bytes, HEADER_BYTES);
  const sections: Section[] = [];
  while (!reader.isAtEnd) sections.push({ id: reader.byte(), body: reader.part(reader.u32()) });
  return sections;
}

/** There is one memory at most. */
function afterCount(body: Reader): Reader {
  body.u32();
  return body;
}

function writeImports(out: Writer, before: Reader | undefined, { minimum, maximum }: Limits): void {
  const body = new Writer();
  const count = before === undefined ? 0 : before.u32();
  body.u32(count + 1);
  if (before !== undefined) body.bytes(before.take(before.end - before.offset));
  body.name("env").name(LENT_MEMORY).byte(MEMORY_KIND);
  body.byte(maximum === undefined ? 0 : 1).u32(minimum);
  if (maximum !== undefined) body.u32(maximum);
  out.byte(IMPORTS).u32(body.length).bytes(body.view());
}
