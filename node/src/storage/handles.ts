/**
 * All threads of the process share one LevelDB per directory, and it is only closed when each of them closed its handle. So
 * that the store can open it afresh after a failed write, readers in workers let go of theirs when they are asked to, which
 * they hear between two runs, and take it up again afterwards.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BroadcastChannel, threadId } from "node:worker_threads";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { ClassicLevel } from "classic-level";
import { storeError } from "./errors.ts";
import type { Database } from "./reader.ts";

/** How long readers may take to let go, before the attempt is given up; a run in a worker has its own limit of the same kind. */
const RELEASE_MS = 2_000;

/** LevelDB's table of memory, and of its log: a larger one compacts less often. */
const WRITE_BUFFER_BYTES = 8 * 1024 * 1024;
const CACHE_BYTES = 32 * 1024 * 1024;

type Message =
  | { readonly type: "opened" | "closed" | "released"; readonly reader: string }
  | { readonly type: "release" | "reopened" };

export async function openDatabase(path: string, createIfMissing: boolean): Promise<Database> {
  const db = new ClassicLevel<Uint8Array, Uint8Array>(path, {
    keyEncoding: "view",
    valueEncoding: "view",
    multithreading: true,
    createIfMissing,
    writeBufferSize: WRITE_BUFFER_BYTES,
    cacheSize: CACHE_BYTES,
  });
  try {
    await db.open();
  } catch (cause) {
    throw storeError(`cannot open the store at ${path}`, cause);
  }
  return db;
}

/** The store's side: knows the readers of other threads. */
export class Handles {
  readonly #path: string;
  readonly #channel: BroadcastChannel;
  readonly #readers = new Set<string>();
  #released: (() => void) | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#channel = channelOf(path, (message) => this.#hear(message));
  }

  /**
   * Closes `db` and opens the directory afresh; throws `unavailable` while another thread still holds the old one. `first` is
   * done before anybody else reads it.
   */
  async reopen(db: Database, first: (fresh: Database) => Promise<void>): Promise<Database> {
    const before = manifestOf(this.#path);
    await this.#release();
    try {
      await db.close();
      const fresh = await openDatabase(this.#path, false);
      // Each recovery begins a new manifest; the same one means that the process still had the old database open.
      try {
        if (manifestOf(this.#path) === before) {
          throw new ShoalError("unavailable", "a worker still holds the store that could not write");
        }
        await first(fresh);
      } catch (thrown) {
        await fresh.close();
        throw thrown;
      }
      return fresh;
    } finally {
      post(this.#channel, { type: "reopened" });
    }
  }

  close(): void {
    this.#channel.close();
  }

  async #release(): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    const timer = setTimeout(waiting.resolve, RELEASE_MS);
    this.#released = waiting.resolve;
    post(this.#channel, { type: "release" });
    if (this.#readers.size === 0) waiting.resolve();
    await waiting.promise;
    clearTimeout(timer);
    this.#released = undefined;
    // Who did not answer may have been killed with its worker; alive, it says "opened" again.
    this.#readers.clear();
  }

  #hear(message: Message): void {
    if (message.type === "opened") this.#readers.add(message.reader);
    if (message.type === "released" || message.type === "closed") {
      this.#readers.delete(message.reader);
      if (this.#readers.size === 0) this.#released?.();
    }
  }
}

let readers = 0;

/** A reader's side: `db` is undefined while the store is opened afresh. */
export class ReaderHandle {
  readonly #path: string;
  readonly #name: string;
  readonly #channel: BroadcastChannel;
  #db: Database | undefined;

  private constructor(path: string, db: Database) {
    this.#path = path;
    this.#name = `${threadId}-${readers++}`;
    this.#db = db;
    this.#channel = channelOf(path, (message) => void this.#hear(message));
    post(this.#channel, { type: "opened", reader: this.#name });
  }

  static async open(path: string): Promise<ReaderHandle> {
    return new ReaderHandle(path, await openDatabase(path, false));
  }

  get db(): Database {
    if (this.#db === undefined) throw new ShoalError("unavailable", "the store is being opened again");
    return this.#db;
  }

  async close(): Promise<void> {
    const db = this.#db;
    this.#db = undefined;
    post(this.#channel, { type: "closed", reader: this.#name });
    this.#channel.close();
    await db?.close();
  }

  async #hear(message: Message): Promise<void> {
    if (message.type === "release") {
      const db = this.#db;
      this.#db = undefined;
      await db?.close();
      post(this.#channel, { type: "released", reader: this.#name });
    }
    if (message.type === "reopened" && this.#db === undefined) {
      try {
        this.#db = await openDatabase(this.#path, false);
        post(this.#channel, { type: "opened", reader: this.#name });
      } catch {
        // Whoever reads next hears that the store is not open; the store's next attempt comes by here again.
      }
    }
  }
}

function channelOf(path: string, hear: (message: Message) => void): BroadcastChannel {
  const channel = new BroadcastChannel(`shoal-store:${path}`);
  channel.addEventListener("message", (event) => hear((event as unknown as { readonly data: Message }).data));
  // Nobody stays alive for the sake of listening.
  channel.unref();
  return channel;
}

function post(channel: BroadcastChannel, message: Message): void {
  channel.postMessage(message);
}

function manifestOf(path: string): string {
  return readFileSync(join(path, "CURRENT"), "utf8");
}
