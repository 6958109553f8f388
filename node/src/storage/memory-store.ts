/**
 * A store in memory, with nothing behind it: for a node's own sign-ins where they shall live as long as the process, for a
 * node in a browser tab in front of what the browser keeps, and for the simulator. Needs no more than the language.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { SortedRows } from "./sorted-rows.ts";
import { COLUMNS, type Column, type Range, type Reader, type Row, type Store } from "./store.ts";

export interface MemoryStore extends Store {
  /** What `apply` does, at once. Throws `unavailable` after the close. */
  applyNow(rows: readonly Row[]): void;
  /** Another store that begins with the same rows. Costs nothing: the two part as they are written. */
  copy(): MemoryStore;
}

type Columns = Readonly<Record<Column, SortedRows>>;

export function createMemoryStore(): MemoryStore {
  return storeOf(columnsOf(() => new SortedRows()));
}

function storeOf(columns: Columns): MemoryStore {
  let closed = false;
  const open = (): Columns => {
    if (closed) throw new ShoalError("unavailable", "the store is closed");
    return columns;
  };
  const applyNow = (rows: readonly Row[]): void => {
    const now = open();
    for (const { column, key, value } of rows) {
      if (value === undefined) now[column].delete(nameOf(key));
      else now[column].set(nameOf(key), value.slice());
    }
  };
  return {
    ...readerOf(open),
    applyNow,
    apply: async (rows) => applyNow(rows),
    async durable() {
      open();
    },
    snapshot() {
      const before = copyOf(open());
      return { ...readerOf(() => before), [Symbol.dispose]: () => undefined };
    },
    copy: () => storeOf(copyOf(open())),
    async close() {
      closed = true;
    },
  };
}

function columnsOf(make: (column: Column) => SortedRows): Columns {
  return Object.fromEntries(COLUMNS.map((column) => [column, make(column)])) as unknown as Columns;
}

const copyOf = (columns: Columns): Columns => columnsOf((column) => columns[column].copy());

function readerOf(columns: () => Columns): Reader {
  return {
    get: (column, key) => columns()[column].get(nameOf(key)),
    async *scan(column: Column, { gte, lt, reverse = false, limit = Infinity }: Range = {}) {
      if (limit <= 0) return;
      const bounds = {
        ...(gte === undefined ? {} : { gte: nameOf(gte) }),
        ...(lt === undefined ? {} : { lt: nameOf(lt) }),
        reverse,
      };
      let left = limit;
      for (const [name, value] of columns()[column].range(bounds)) {
        yield [keyOf(name), value] as const;
        left -= 1;
        if (left <= 0) return;
      }
    },
  };
}

/** Bytes that one call may turn into characters: every one is an argument. */
const STEP = 8192;

function nameOf(key: Uint8Array): string {
  let name = "";
  for (let at = 0; at < key.length; at += STEP) {
    const part = key.length <= STEP ? key : key.subarray(at, at + STEP);
    // Spread of typed arrays goes element by element through an iterator, five times as slow.
    name += String.fromCharCode.apply(undefined, part as unknown as number[]);
  }
  return name;
}

function keyOf(name: string): Uint8Array {
  const key = new Uint8Array(name.length);
  for (let at = 0; at < name.length; at++) key[at] = name.charCodeAt(at);
  return key;
}
