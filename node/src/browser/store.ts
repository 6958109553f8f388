/**
 * The tab's store: IndexedDB behind rows in memory, where reads are synchronous. A batch is shown to readers once the browser has
 * it, so whatever is visible is also kept; batches of one moment are one write, with the files that they refer to.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { createMemoryStore, type MemoryStore } from "../storage/memory-store.ts";
import { COLUMNS, type Column, type Row, type Store } from "../storage/store.ts";
import { hasChanges, restore, returnChanges, takeChanges } from "./files.ts";
import { openIndexedRows, type Change, type IndexedRows } from "./indexed-db.ts";

/** Rejects `unavailable` where the browser keeps nothing for the page. */
export async function openBrowserStore(name: string): Promise<Store> {
  const kept = await openIndexedRows(name);
  const memory = createMemoryStore();
  restore(await kept.readAll("files"));
  memory.applyNow((await kept.readAll("rows")).map(([key, value]) => rowOf(key, value)));
  const writer = createWriter(kept, memory);
  let closing: Promise<void> | undefined;
  return {
    get: (column, key) => memory.get(column, key),
    scan: (column, range) => memory.scan(column, range),
    snapshot: () => memory.snapshot(),
    async apply(rows) {
      if (closing !== undefined) throw new ShoalError("unavailable", "the store is closed");
      await writer.write(rows);
    },
    durable: () => writer.written(),
    close: () =>
      (closing ??= writer
        .written()
        .catch(() => undefined)
        .then(() => {
          kept.close();
          return memory.close();
        })),
  };
}

interface Batch {
  readonly rows: Row[];
  readonly done: Promise<void>;
}

interface Writer {
  /** Resolves when the rows are kept and shown. */
  write(rows: readonly Row[]): Promise<void>;
  /** Resolves when everything that was given to `write` before is. */
  written(): Promise<void>;
}

function createWriter(kept: IndexedRows, memory: MemoryStore): Writer {
  /** Being written; and what gathers meanwhile. */
  let current: Promise<void> | undefined;
  let next: Batch | undefined;

  const put = async (rows: readonly Row[]): Promise<void> => {
    const files = takeChanges();
    try {
      await kept.write([...rows.map(changeOf), ...files]);
    } catch (thrown) {
      returnChanges(files);
      throw thrown;
    }
    memory.applyNow(rows);
  };

  const begin = (): Batch => {
    const rows: Row[] = [];
    const turn = async (): Promise<void> => {
      // What gathered behind a write may rest on it, and fails with it.
      await current;
      next = undefined;
      const writing = put(rows);
      current = writing;
      try {
        await writing;
      } finally {
        if (current === writing) current = undefined;
      }
    };
    const done = turn().finally(() => {
      if (next?.rows === rows) next = undefined;
    });
    return { rows, done };
  };

  return {
    write(rows) {
      next ??= begin();
      next.rows.push(...rows.map(ownCopy));
      return next.done;
    },
    written() {
      if (next === undefined && hasChanges()) next = begin();
      return next?.done ?? current ?? Promise.resolve();
    },
  };
}

/** Whoever gave the row may write into its bytes before they are put. */
const ownCopy = ({ column, key, value }: Row): Row => ({ column, key: key.slice(), value: value?.slice() });

function changeOf({ column, key, value }: Row): Change {
  return { table: "rows", key: Uint8Array.of(COLUMNS.indexOf(column), ...key), value };
}

function rowOf(stored: unknown, value: Uint8Array): Row {
  const [column = 0, ...key] = new Uint8Array(stored as ArrayBuffer);
  return { column: COLUMNS[column] as Column, key: Uint8Array.from(key), value };
}
