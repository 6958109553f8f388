/** Pages as one run sees them: each is read once, changed in memory, and written by `flush`. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Rows } from "../../crdt/contract.ts";
import { BorshReader, BorshWriter } from "../../model/borsh.ts";
import { readPage, writePage, type Page } from "./page.ts";

const HEAD = Uint8Array.of(0x68);
const PAGE = 0x70;
const NUMBER_BYTES = 6;

export class Pages {
  readonly #rows: Rows;
  readonly #cached = new Map<number, Page>();
  readonly #changed = new Set<number>();
  readonly #dropped = new Set<number>();
  #next: number;
  /** The root page; undefined while there is no entry. */
  root: number | undefined;

  constructor(rows: Rows) {
    this.#rows = rows;
    const head = rows.get(HEAD);
    if (head === undefined) {
      this.#next = 1;
      return;
    }
    const reader = new BorshReader(head);
    this.#next = Number(reader.u64());
    const root = Number(reader.u64());
    this.root = root === 0 ? undefined : root;
  }

  /** Throws `internal` where the store lost a page. */
  get(id: number): Page {
    const cached = this.#cached.get(id);
    if (cached !== undefined) return cached;
    const bytes = this.#rows.get(keyOf(id));
    if (bytes === undefined) throw new ShoalError("internal", `page ${id} of the ordered index is missing`);
    const page = readPage(id, bytes);
    this.#cached.set(id, page);
    return page;
  }

  /** The page where this run has read it. */
  peek(id: number): Page | undefined {
    return this.#cached.get(id);
  }

  fresh(): number {
    return this.#next++;
  }

  /** `page` is as it shall be written. */
  put(page: Page): void {
    this.#cached.set(page.id, page);
    this.#changed.add(page.id);
  }

  drop(id: number): void {
    this.#cached.delete(id);
    this.#changed.delete(id);
    this.#dropped.add(id);
  }

  /** A page and all below it. */
  dropAll(id: number): void {
    const page = this.get(id);
    if (page.kind === "inner") for (const child of page.children) this.dropAll(child);
    this.drop(id);
  }

  flush(): void {
    if (this.#changed.size === 0 && this.#dropped.size === 0) return;
    for (const id of this.#dropped) this.#rows.remove(keyOf(id));
    for (const id of this.#changed) this.#rows.set(keyOf(id), writePage(this.get(id)));
    this.#rows.set(
      HEAD,
      new BorshWriter()
        .u64(BigInt(this.#next))
        .u64(BigInt(this.root ?? 0))
        .done(),
    );
    this.#changed.clear();
    this.#dropped.clear();
  }
}

function keyOf(id: number): Uint8Array {
  const key = Buffer.allocUnsafe(1 + NUMBER_BYTES);
  key[0] = PAGE;
  key.writeUIntBE(id, 1, NUMBER_BYTES);
  return key;
}
