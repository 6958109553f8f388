/**
 * What took effect: the ids that were handled, and the highest epoch of each processor. A ledger that writes in the handler's
 * own transaction makes effect and memory one; the one in memory forgets with its process, and then only the handler's own
 * idempotence helps.
 */
import { LRUCache } from "lru-cache";
import type { BusMessage } from "./message.ts";

/** `seen`: handled before; `stale`: from an activation that was replaced. In both cases nothing was done. */
export type LedgerAnswer = "done" | "seen" | "stale";

export interface Ledger<Transaction> {
  /** Creates what it needs; called before the first message. */
  prepare(): Promise<void>;
  /** Runs `work` unless the message is `seen` or `stale`. Where `work` throws, nothing is remembered and the error is thrown on. */
  once(message: BusMessage, work: (transaction: Transaction) => Promise<void>): Promise<LedgerAnswer>;
  /** Forgets what is too old to come again; called now and then. */
  prune(): Promise<void>;
}

export interface MemoryLedgerOptions {
  /** Ids that are remembered; the least recent goes first. */
  readonly ids?: number;
  readonly processors?: number;
}

export function memoryLedger({ ids = 100_000, processors = 100_000 }: MemoryLedgerOptions = {}): Ledger<undefined> {
  const seen = new LRUCache<string, true>({ max: ids });
  const epochs = new EpochFence(processors);
  return {
    prepare: () => Promise.resolve(),
    once: async (message, work) => {
      if (seen.get(message.id) === true) return "seen";
      if (epochs.isStale(message)) return "stale";
      await work(undefined);
      seen.set(message.id, true);
      return "done";
    },
    prune: () => Promise.resolve(),
  };
}

/** The highest epoch that each processor was seen with. */
export class EpochFence {
  readonly #highest: LRUCache<string, number>;

  constructor(processors: number) {
    this.#highest = new LRUCache({ max: processors });
  }

  /** A retry passed the fence when it was first taken, and is not dropped for having waited. */
  isStale({ processorId, epoch, attempt }: BusMessage): boolean {
    if (epoch === undefined) return false;
    const highest = this.#highest.get(processorId) ?? 0;
    if (epoch >= highest) this.#highest.set(processorId, epoch);
    return epoch < highest && attempt === 1;
  }
}
