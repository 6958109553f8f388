/**
 * The tab's store: rows in memory, where reads are synchronous, and behind them IndexedDB, which has them when `durable`
 * resolves. Batches that came together are written together, with the files that they refer to.
 */
import { createMemoryStore } from "../storage/memory-store.ts";
import { COLUMNS, type Column, type Row, type Store } from "../storage/store.ts";
import { restore, takeChanges } from "./files.ts";
import { openIndexedRows, type Change } from "./indexed-db.ts";

export async function openBrowserStore(name: string): Promise<Store> {
  const kept = await openIndexedRows(name);
  const memory = createMemoryStore();
  restore(await kept.readAll("files"));
  memory.applyNow((await kept.readAll("rows")).map(([key, value]) => rowOf(key, value)));
  let waiting: Change[] = [];
  let writing = Promise.resolve();

  const flush = async (): Promise<void> => {
    const changes = [...waiting, ...takeChanges()];
    waiting = [];
    if (changes.length > 0) await kept.write(changes);
  };

  return {
    get: (column, key) => memory.get(column, key),
    scan: (column, range) => memory.scan(column, range),
    snapshot: () => memory.snapshot(),
    async apply(rows) {
      memory.applyNow(rows);
      for (const row of rows) waiting.push(changeOf(row));
    },
    durable() {
      // Whatever gathers while one write is on its way is the next one.
      const next = writing.then(flush);
      writing = next.catch(() => undefined);
      return next;
    },
    async close() {
      await writing;
      await flush();
      kept.close();
      await memory.close();
    },
  };
}

function changeOf({ column, key, value }: Row): Change {
  return { table: "rows", key: Uint8Array.of(COLUMNS.indexOf(column), ...key), value: value?.slice() };
}

function rowOf(stored: unknown, value: Uint8Array): Row {
  const [column = 0, ...key] = new Uint8Array(stored as ArrayBuffer);
  return { column: COLUMNS[column] as Column, key: Uint8Array.from(key), value };
}
