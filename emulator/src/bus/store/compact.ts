/**
 * Gives the disk back. Segments go oldest first, and only whole: what is alive in the oldest is written again at the log's
 * end, and once that is on disk the segment is removed. Settlements in it concern only itself or older ones, so nothing
 * that was settled comes back. Copying starts when more than half of the log, and more than the slack, is garbage: each
 * byte that is copied has paid for itself.
 */
import type { Store } from "./store.ts";

/** Messages that are copied per turn, so that compaction never holds the broker up. */
const STEP = 200;

export class Compactor {
  readonly #store: Store;
  readonly #slackBytes: number;
  /** The ticket after which the oldest segment can be removed; 0 while nothing is under way. */
  #waitFor = 0;
  #copying = false;

  constructor(store: Store, slackBytes: number) {
    this.#store = store;
    this.#slackBytes = slackBytes;
  }

  /** Called whenever something may have become garbage. */
  consider(): void {
    const { log, alive, worth } = this.#store;
    if (this.#copying || this.#waitFor !== 0 || log.segments.length < 2) return;
    const [oldest] = log.segments;
    if (oldest === undefined) return;
    const empty = (worth.get(oldest)?.messages.size ?? 0) === 0;
    if (!empty && log.total - alive <= Math.max(alive, this.#slackBytes)) return;
    this.#copying = true;
    this.#copy();
  }

  #copy(): void {
    const { log, worth } = this.#store;
    const oldest = log.segments[0];
    if (oldest === undefined) return;
    const messages = worth.get(oldest)?.messages ?? new Set();
    let left = STEP;
    for (const message of messages) {
      if (left-- === 0) break;
      this.#store.rewrite(message);
    }
    if (messages.size > 0) {
      setImmediate(() => this.#copy());
      return;
    }
    if (oldest.topology) for (const record of this.#store.topology.values()) this.#store.writeTopology(record);
    worth.delete(oldest);
    this.#copying = false;
    this.#waitFor = log.lastTicket;
    this.onWritten(log.written);
  }

  onWritten(ticket: number): void {
    if (this.#waitFor === 0 || ticket < this.#waitFor) return;
    this.#waitFor = 0;
    this.#store.log.dropOldest();
    this.consider();
  }
}
