/**
 * The little of IndexedDB that the tab's store needs, as promises: read everything once, write batches that are on disk when
 * they resolve. Types are declared here because the project is typed for Node.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

interface Source<Events extends string> {
  addEventListener(event: Events, listener: () => void): void;
}
interface Request<T, Events extends string = never> extends Source<"success" | "error" | Events> {
  readonly result: T;
  readonly error: Error | null;
}
interface ObjectStore {
  getAllKeys(): Request<readonly unknown[]>;
  getAll(): Request<readonly unknown[]>;
  put(value: unknown, key: unknown): Request<unknown>;
  delete(key: unknown): Request<undefined>;
}
interface Transaction extends Source<"complete" | "abort"> {
  readonly error: Error | null;
  objectStore(name: string): ObjectStore;
  abort(): void;
}
interface Database {
  createObjectStore(name: string): ObjectStore;
  transaction(names: readonly string[], mode: string, options?: { readonly durability: string }): Transaction;
  close(): void;
}
interface Factory {
  open(name: string, version: number): Request<Database, "upgradeneeded">;
}

/** Tables: rows of the store by column and key, chunks of blobs by path. */
const TABLES = ["rows", "files"] as const;
export type Table = (typeof TABLES)[number];
const VERSION = 1;

export interface Change {
  readonly table: Table;
  readonly key: Uint8Array | string;
  /** undefined deletes. */
  readonly value: Uint8Array | undefined;
}

export interface IndexedRows {
  /** Everything in a table. */
  readAll(table: Table): Promise<readonly (readonly [key: unknown, value: Uint8Array])[]>;
  /** All or none; on disk when it resolves. Rejects `unavailable` where the browser refuses (a full quota). */
  write(changes: readonly Change[]): Promise<void>;
  close(): void;
}

/** Rejects `unavailable` where the browser keeps nothing, as in some private windows. */
export async function openIndexedRows(name: string): Promise<IndexedRows> {
  const factory = (globalThis as unknown as { readonly indexedDB?: Factory }).indexedDB;
  if (factory === undefined) throw new ShoalError("unavailable", "this browser keeps no data for pages");
  const opening = attempt(() => factory.open(name, VERSION));
  opening.addEventListener("upgradeneeded", () => {
    for (const table of TABLES) opening.result.createObjectStore(table);
  });
  const database = await settled(opening);
  return {
    async readAll(table) {
      const rows = attempt(() => database.transaction([table], "readonly").objectStore(table));
      const [keys, values] = await Promise.all([settled(rows.getAllKeys()), settled(rows.getAll())]);
      return keys.map((key, at) => [key, values[at] as Uint8Array] as const);
    },
    write: async (changes) =>
      written(
        attempt(() => database.transaction(TABLES, "readwrite", { durability: "strict" })),
        changes,
      ),
    close: () => database.close(),
  };
}

function written(transaction: Transaction, changes: readonly Change[]): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", () => reject(refused(transaction.error)));
    try {
      for (const { table, key, value } of changes) {
        const rows = transaction.objectStore(table);
        if (value === undefined) rows.delete(key);
        else rows.put(value, key);
      }
    } catch (thrown) {
      // What was put before it would be kept without the rest.
      transaction.abort();
      reject(refused(thrown));
    }
  });
}

const refused = (cause: unknown): ShoalError =>
  new ShoalError("unavailable", `the browser refused to keep the data: ${messageOf(cause)}`, { cause });

const failed = (cause: unknown): ShoalError =>
  new ShoalError("unavailable", `the browser's database failed: ${messageOf(cause)}`, { cause });

/** A database that the browser has closed, or denies to the page, throws at once. */
function attempt<T>(ask: () => T): T {
  try {
    return ask();
  } catch (thrown) {
    throw failed(thrown);
  }
}

function settled<T>(request: Request<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(failed(request.error)));
  });
}
