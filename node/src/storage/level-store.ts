/**
 * The store on LevelDB. A batch is in LevelDB's log when it is visible, which survives the end of the process; a synced write
 * carries everything before it to the disk. After a write that failed, the log's end is unknown: reads go on, and nothing is
 * written until the database was opened afresh. Where the log has that write after all it is taken back then: who was told
 * that a batch failed does not find it later, unless the process ends in between. Where the disk does not even let it be opened,
 * nothing is read either, and the store tries again by itself.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { storedKey } from "./columns.ts";
import { type FreeBytes, requireRoom } from "./disk-room.ts";
import { storeError } from "./errors.ts";
import type { Handles } from "./handles.ts";
import { textKey } from "./keys.ts";
import { OlderLogs } from "./older-logs.ts";
import { type Database, read, scan, snapshotOf } from "./reader.ts";
import type { Column, Range, Row, Snapshot, Store } from "./store.ts";
import type { ValueCodec } from "./values.ts";
import { type Put, WriteQueue } from "./write-queue.ts";

/** What a sync writes where nothing else waits: LevelDB syncs only what it writes. */
const SYNC_KEY = storedKey("config", textKey("synced"));
/** After an attempt to open afresh that failed: nobody can read meanwhile, so nobody comes as far as to write. */
const AGAIN_MS = 1_000;

interface LevelStoreParts {
  readonly db: Database;
  readonly path: string;
  readonly values: ValueCodec;
  readonly log: Log;
  readonly freeBytes: FreeBytes;
  readonly handles: Handles;
  readonly closed: () => void;
}

export class LevelStore implements Store {
  readonly #parts: LevelStoreParts;
  readonly #queue = new WriteQueue((puts, sync) => this.#write(puts, sync));
  readonly #olderLogs: OlderLogs;
  #db: Database;
  /** Why nothing can be written until the database is opened afresh. */
  #broken: unknown;
  /** The rows of the write that failed, as they were before it. */
  #before: readonly Put[] = [];
  /** Something was written since the last sync. */
  #dirty = false;
  #closing: Promise<void> | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(parts: LevelStoreParts) {
    this.#parts = parts;
    this.#db = parts.db;
    this.#olderLogs = new OlderLogs(parts.path);
  }

  get(column: Column, key: Uint8Array): Uint8Array | undefined {
    return read(this.#db, this.#parts.values, column, key);
  }

  scan(column: Column, range: Range = {}): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]> {
    return scan(this.#db, this.#parts.values, column, range);
  }

  snapshot(): Snapshot {
    return snapshotOf(this.#db, this.#parts.values);
  }

  async apply(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    this.#requireOpen();
    let bytes = 0;
    const puts: Put[] = [];
    for (const row of rows) {
      const key = storedKey(row.column, row.key);
      const value = row.value === undefined ? undefined : this.#parts.values.seal(key, row.value);
      bytes += key.length + (value?.length ?? 0);
      puts.push({ key, value });
    }
    await this.#queue.apply(puts, bytes);
  }

  async durable(): Promise<void> {
    this.#requireOpen();
    await this.#queue.sync();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#again);
    try {
      await this.#queue.sync();
    } catch (thrown) {
      this.#parts.log.warn({ cause: messageOf(thrown) }, "the store closes with writes that may not be on disk");
    }
    await this.#queue.idle();
    this.#parts.handles.close();
    await this.#db.close();
    this.#parts.closed();
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw new ShoalError("unavailable", "the store is closed");
  }

  async #write(puts: readonly Put[], sync: boolean): Promise<unknown> {
    if (puts.length === 0 && !this.#dirty && this.#broken === undefined) return undefined;
    requireRoom(this.#parts.path, bytesOf(puts), this.#parts.freeBytes);
    if (this.#broken !== undefined) await this.#openAfresh();
    const operations = puts.length === 0 ? [{ key: SYNC_KEY, value: this.#syncValue() }] : puts;
    try {
      await this.#db.batch(operations.map(operationOf), { sync });
      this.#dirty = true;
      this.#olderLogs.note(operations.length, bytesOf(puts));
    } catch (cause) {
      this.#broken = cause;
      this.#parts.log.error({ cause: messageOf(cause) }, "the store cannot write; reads go on");
      this.#before = this.#asTheyAre(puts);
      throw storeError("cannot write the store", cause);
    }
    return sync ? this.#syncOlder() : undefined;
  }

  /** What it fails with, where it does: opening afresh writes those logs to tables. */
  async #syncOlder(): Promise<unknown> {
    try {
      await this.#olderLogs.sync();
      this.#dirty = false;
      return undefined;
    } catch (cause) {
      this.#broken = cause;
      this.#parts.log.error({ cause: messageOf(cause) }, "the store cannot sync; reads go on");
      return storeError("cannot sync the store", cause);
    }
  }

  /** LevelDB shows nothing of a write that failed. */
  #asTheyAre(puts: readonly Put[]): readonly Put[] {
    try {
      return puts.map(({ key }) => ({ key, value: this.#db.getSync(key) }));
    } catch (cause) {
      throw storeError("the store can neither write nor read", cause);
    }
  }

  #syncValue(): Uint8Array {
    return this.#parts.values.seal(SYNC_KEY, new Uint8Array());
  }

  async #openAfresh(): Promise<void> {
    try {
      this.#db = await this.#parts.handles.reopen(this.#db, (fresh) =>
        fresh.batch(this.#before.map(operationOf), { sync: true }),
      );
    } catch (thrown) {
      this.#tryAgain();
      throw storeError("the store could not write, and cannot be opened afresh", thrown);
    }
    this.#broken = undefined;
    this.#before = [];
    this.#parts.log.info({}, "the store writes again");
  }

  #tryAgain(): void {
    if (this.#closing !== undefined) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      this.#queue.sync().catch((thrown: unknown) => {
        this.#parts.log.warn({ cause: messageOf(thrown) }, "the store still cannot be opened afresh");
      });
    }, AGAIN_MS).unref();
  }
}

function operationOf({ key, value }: Put) {
  return value === undefined ? { type: "del" as const, key } : { type: "put" as const, key, value };
}

function bytesOf(puts: readonly Put[]): number {
  return puts.reduce((bytes, { key, value }) => bytes + key.length + (value?.length ?? 0), 0);
}
