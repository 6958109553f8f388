/**
 * A store in memory, for `[server.embedded_auth.storage] type = "memory"`: keys, sign-ins and secrets live as long as the
 * process. Keys are held in hexadecimal, whose order is that of the bytes.
 */
import type { Column, Range, Reader, Store } from "../storage/store.ts";

export function createMemoryStore(): Store {
  const rows = new Map<string, Uint8Array>();
  return {
    ...readerOf(rows),
    async apply(changes) {
      for (const { column, key, value } of changes) {
        if (value === undefined) rows.delete(nameOf(column, key));
        else rows.set(nameOf(column, key), value.slice());
      }
    },
    async durable() {},
    snapshot: () => ({ ...readerOf(new Map(rows)), [Symbol.dispose]: () => undefined }),
    async close() {},
  };
}

const nameOf = (column: Column, key: Uint8Array): string => `${column} ${Buffer.from(key).toString("hex")}`;

function readerOf(rows: ReadonlyMap<string, Uint8Array>): Reader {
  return {
    get: (column, key) => rows.get(nameOf(column, key)),
    async *scan(column: Column, range: Range = {}) {
      const from = range.gte === undefined ? `${column} ` : nameOf(column, range.gte);
      const to = range.lt === undefined ? `${column}!` : nameOf(column, range.lt);
      const found = [...rows.keys()]
        .filter((name) => name >= from && name < to && name.startsWith(`${column} `))
        .sort();
      if (range.reverse === true) found.reverse();
      for (const name of found.slice(0, range.limit ?? found.length)) {
        const value = rows.get(name);
        // Deleted while the scan went on.
        if (value !== undefined) yield [Buffer.from(name.slice(column.length + 1), "hex"), value] as const;
      }
    },
  };
}
