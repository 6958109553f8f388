/**
 * Which of the runs that were sent to a worker it has begun. The two threads agree through one word of shared memory per
 * run: the worker takes it, or the executor takes it back to give it to somebody who is idle, and never both. When a worker
 * dies, what it had begun has failed, and what it had not begun runs elsewhere.
 */
const OFFERED = 0;
const BEGUN = 1;
const WITHDRAWN = 2;

/** Runs that a worker may have in hand: the one it runs and the next, so that it never waits for a message between two. */
export const RUNS_AHEAD = 2;

export class Slots {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  #next = 0;

  /** Without an argument: the executor's side, which makes them. */
  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * RUNS_AHEAD)) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
  }

  /** Both sides call it once for every message, in the same order, and so name the same word. */
  next(): number {
    const slot = this.#next;
    this.#next = (slot + 1) % this.#words.length;
    return slot;
  }

  offer(slot: number): void {
    Atomics.store(this.#words, slot, OFFERED);
  }

  /** The worker's: false where the run was taken back. */
  begin(slot: number): boolean {
    return Atomics.compareExchange(this.#words, slot, OFFERED, BEGUN) === OFFERED;
  }

  /** The executor's: false where the worker has begun. */
  withdraw(slot: number): boolean {
    return Atomics.compareExchange(this.#words, slot, OFFERED, WITHDRAWN) === OFFERED;
  }
}
