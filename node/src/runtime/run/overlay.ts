/**
 * What a run sees of one column: the store's rows of its context, and over them what the run wrote. Nothing here reaches the
 * store; the outcome says which rows to apply. Keys are latin-1 strings of their bytes, whose order is the bytes' order.
 * Reads are remembered within the run (a read from the store costs microseconds, and a guest reads its root again and
 * again): whoever asked for the run holds the context's write turn, or gave a snapshot, so that they cannot change meanwhile.
 */
import type { Rows } from "../../crdt/contract.ts";
import type { Column, Reader, Row } from "../../storage/store.ts";
import type { WriteBudget } from "./write-budget.ts";

/** Remembered values of reads, in bytes; more are read again. */
const READ_CACHE_BYTES = 16 * 1024 * 1024;

export class Overlay {
  readonly column: Column;
  readonly #reader: Pick<Reader, "get">;
  readonly #context: Uint8Array;
  readonly #budget: WriteBudget | undefined;
  readonly #written = new Map<string, Uint8Array | undefined>();
  readonly #read = new Map<string, Uint8Array | undefined>();
  #readBytes = 0;

  /** Without a budget: whoever writes here has spent it already. */
  constructor(column: Column, reader: Pick<Reader, "get">, context: Uint8Array, budget: WriteBudget | undefined) {
    this.column = column;
    this.#reader = reader;
    this.#context = context;
    this.#budget = budget;
  }

  get(key: string): Uint8Array | undefined {
    const written = this.#written.get(key);
    if (written !== undefined || this.#written.has(key)) return written;
    const read = this.#read.get(key);
    if (read !== undefined || this.#read.has(key)) return read;
    const value = this.#reader.get(this.column, this.#fullKey(key));
    this.#readBytes += key.length + (value?.length ?? 0);
    if (this.#readBytes <= READ_CACHE_BYTES) this.#read.set(key, value);
    return value;
  }

  /** Throws where the run's budget of writes is spent. */
  set(key: string, value: Uint8Array): void {
    this.#budget?.spend(key.length + value.length);
    this.#written.set(key, value);
  }

  remove(key: string): void {
    this.#budget?.spend(key.length);
    this.#written.set(key, undefined);
  }

  /** The same for what knows keys as bytes. */
  rowsView(): Rows {
    const name = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
    return {
      get: (key) => this.get(name(key)),
      set: (key, value) => this.set(name(key), value),
      remove: (key) => this.remove(name(key)),
    };
  }

  get changed(): boolean {
    return this.#written.size > 0;
  }

  /** In key order, with the context first in each key. */
  rows(): Row[] {
    const keys = [...this.#written.keys()].sort((a, b) => (a < b ? -1 : 1));
    return keys.map((key) => ({ column: this.column, key: this.#fullKey(key), value: this.#written.get(key) }));
  }

  #fullKey(key: string): Uint8Array {
    const { length } = this.#context;
    const full = new Uint8Array(length + key.length);
    full.set(this.#context);
    for (let at = 0; at < key.length; at++) full[length + at] = key.charCodeAt(at);
    return full;
  }
}
