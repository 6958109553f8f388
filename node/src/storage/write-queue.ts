/**
 * The one writer. What waits is written as one batch, synced where anybody asked for that: LevelDB takes one write at a time
 * anyway, in order, and with one under way a failed write is known before the next begins.
 */
export interface Put {
  readonly key: Uint8Array;
  /** Sealed; undefined deletes. */
  readonly value: Uint8Array | undefined;
}

/** Bytes after which a batch is written without waiting for more. */
const BATCH_BYTES = 4 * 1024 * 1024;

interface Waiting {
  readonly puts: readonly Put[];
  readonly bytes: number;
  readonly done: PromiseWithResolvers<void>;
}

export class WriteQueue {
  readonly #write: (puts: readonly Put[], sync: boolean) => Promise<unknown>;
  #batches: Waiting[] = [];
  #syncs: PromiseWithResolvers<void>[] = [];
  #running: Promise<void> | undefined;

  /** `write` rejects where nothing was written, and resolves with the failure where it was and only the sync failed. */
  constructor(write: (puts: readonly Put[], sync: boolean) => Promise<unknown>) {
    this.#write = write;
  }

  /** Resolves when `puts` are written, all of them together and after everything that was queued before. */
  apply(puts: readonly Put[], bytes: number): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#batches.push({ puts, bytes, done });
    this.#start();
    return done.promise;
  }

  /** Resolves when everything that was queued before is on disk. */
  sync(): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#syncs.push(done);
    this.#start();
    return done.promise;
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // Whoever calls in this same moment joins.
    await Promise.resolve();
    while (this.#batches.length + this.#syncs.length > 0) await this.#round();
    this.#running = undefined;
  }

  async #round(): Promise<void> {
    const batches = this.#takeBatches();
    // A sync covers what was queued before it, so it waits until all of that is in this round or an earlier one.
    const syncs = this.#batches.length === 0 ? this.#syncs.splice(0) : [];
    try {
      const unsynced = await this.#write(
        batches.flatMap(({ puts }) => puts),
        syncs.length > 0,
      );
      for (const { done } of batches) done.resolve();
      for (const sync of syncs) {
        if (unsynced === undefined) sync.resolve();
        else sync.reject(unsynced);
      }
    } catch (thrown) {
      for (const done of [...batches.map((batch) => batch.done), ...syncs]) done.reject(thrown);
    }
  }

  #takeBatches(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#batches.length && (count === 0 || bytes < BATCH_BYTES)) {
      bytes += this.#batches[count]?.bytes ?? 0;
      count += 1;
    }
    return this.#batches.splice(0, count);
  }
}
