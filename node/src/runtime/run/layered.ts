/** The store as it will be: rows on their way to it, and what was added since, are read first. */
import type { Column, Range, Reader, Row } from "../../storage/store.ts";

export class Layered implements Reader {
  readonly #below: Reader;
  readonly #coming = new Map<string, Row>();

  constructor(below: Reader, rows: readonly Row[]) {
    this.#below = below;
    this.add(rows);
  }

  add(rows: readonly Row[]): void {
    for (const row of rows) this.#coming.set(nameOf(row.column, row.key), row);
  }

  get(column: Column, key: Uint8Array): Uint8Array | undefined {
    const row = this.#coming.size === 0 ? undefined : this.#coming.get(nameOf(column, key));
    return row === undefined ? this.#below.get(column, key) : row.value;
  }

  scan(column: Column, range?: Range): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]> {
    return this.#below.scan(column, range);
  }
}

const nameOf = (column: Column, key: Uint8Array): string => column + Buffer.from(key).toString("latin1");
