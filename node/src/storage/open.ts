/** Opens the store of a directory: by the node, once, and by readers in its worker threads. */
import { realpathSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { type FreeBytes, nowAndThen } from "./disk-room.ts";
import { storeError } from "./errors.ts";
import { openFormat, readOnlyFormat } from "./format.ts";
import { Handles, openDatabase, ReaderHandle } from "./handles.ts";
import { LevelStore } from "./level-store.ts";
import { read, scan, snapshotOf } from "./reader.ts";
import type { Reader, Snapshot, Store } from "./store.ts";

export interface OpenStoreOptions {
  /** Directory; made where it is missing. */
  readonly path: string;
  readonly log: Log;
  /** 32 bytes: values are encrypted at rest. A store is made either so or without, and stays that way. */
  readonly cipher?: Uint8Array;
  /** For tests of a full disk. */
  readonly freeBytes?: FreeBytes;
}

/** A reader in a worker thread: `get` is synchronous, and throws `unavailable` while the store is opened afresh. */
export interface WorkerReader extends Reader {
  snapshot(): Snapshot;
  close(): Promise<void>;
}

const openHere = new Set<string>();

/**
 * Throws `conflict` where the directory is open already, here or in another process; `precondition_failed` for a store of a
 * newer version or another key; `internal` for a damaged one; `unavailable` where the file system refuses.
 */
export async function openStore({ path, log, cipher, freeBytes = nowAndThen() }: OpenStoreOptions): Promise<Store> {
  const directory = await directoryAt(path);
  if (openHere.has(directory)) throw new ShoalError("conflict", `the store at ${path} is open already`);
  openHere.add(directory);
  try {
    const db = await openDatabase(directory, true);
    try {
      const values = await openFormat({ db, path, key: cipher });
      const closed = (): void => void openHere.delete(directory);
      return new LevelStore({ db, path: directory, values, log, freeBytes, handles: new Handles(directory), closed });
    } catch (thrown) {
      await db.close();
      throw storeError(`cannot open the store at ${path}`, thrown);
    }
  } catch (thrown) {
    openHere.delete(directory);
    throw thrown;
  }
}

/** Opens a store that this process has open in another thread. Throws as `openStore` does. */
export async function openReader(path: string, cipher?: Uint8Array): Promise<WorkerReader> {
  const handle = await ReaderHandle.open(realpathSync(path));
  try {
    const values = readOnlyFormat({ db: handle.db, path, key: cipher });
    return {
      get: (column, key) => read(handle.db, values, column, key),
      scan: (column, range = {}) => scan(handle.db, values, column, range),
      snapshot: () => snapshotOf(handle.db, values),
      close: () => handle.close(),
    };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

/** One name per directory: LevelDB's handles are shared by the exact text of their path. */
async function directoryAt(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true });
    return realpathSync(path);
  } catch (cause) {
    throw storeError(`cannot open the store at ${path}`, cause);
  }
}
