/**
 * Where the items of a set lie: one after the other in the order in which they came, and found by their id. Nothing is taken
 * out, so the first n items are the set as it was when it had n, at no cost.
 */
import { ID_WORDS } from "./id-set-hash.ts";

/** Words of an item: the time, and the id. */
export const ITEM_WORDS = 2 + ID_WORDS;
/** Where the id begins. */
export const ID_AT = 2;

const CHUNK_SHIFT = 10;
const CHUNK_ITEMS = 1 << CHUNK_SHIFT;
/** Most sets are small: the first chunk grows from this. */
const FIRST_ITEMS = 8;
const EMPTY = 0;

export class Arena {
  /** All but the last are full; the first is shorter while it is alone. */
  readonly #chunks: Uint32Array[] = [new Uint32Array(FIRST_ITEMS * ITEM_WORDS)];
  /** Open addressing: slot + 1, or `EMPTY`. */
  #table: Uint32Array = new Uint32Array(FIRST_ITEMS * 2);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  chunkOf(slot: number): Uint32Array {
    return this.#chunks[slot >>> CHUNK_SHIFT]!;
  }

  /** Where the item begins in its chunk. */
  offsetOf(slot: number): number {
    return (slot & (CHUNK_ITEMS - 1)) * ITEM_WORDS;
  }

  /** The first `count` items, in pieces. */
  *pieces(count: number): Iterable<{ readonly words: Uint32Array; readonly items: number }> {
    for (let from = 0; from < count; from += CHUNK_ITEMS) {
      yield { words: this.chunkOf(from), items: Math.min(CHUNK_ITEMS, count - from) };
    }
  }

  /** The slot of the id in `words` at `at`; -1 where it is not there. */
  find(words: Uint32Array, at: number): number {
    return this.#table[this.#place(words, at)]! - 1;
  }

  /** Takes an item whose id is not there yet, and returns its slot. */
  push(item: Uint32Array): number {
    const slot = this.#size++;
    if (this.#size * 4 > this.#table.length * 3) this.#growTable();
    const chunk = this.#room(slot);
    chunk.set(item, this.offsetOf(slot));
    this.#table[this.#place(item, ID_AT)] = slot + 1;
    return slot;
  }

  #room(slot: number): Uint32Array {
    const index = slot >>> CHUNK_SHIFT;
    const chunk = this.#chunks[index];
    if (chunk === undefined) return (this.#chunks[index] = new Uint32Array(CHUNK_ITEMS * ITEM_WORDS));
    if (this.offsetOf(slot) < chunk.length) return chunk;
    const grown = new Uint32Array(chunk.length * 2);
    grown.set(chunk);
    return (this.#chunks[index] = grown);
  }

  /** Place of the id, or the free one where it belongs. The step is another word of the id, so that who makes ids collide in the
   * first has to make them collide in both. */
  #place(words: Uint32Array, at: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    const step = words[at + 1]! | 1;
    for (let place = words[at]! & mask; ; place = (place + step) & mask) {
      const taken = table[place]!;
      if (taken === EMPTY || this.#isAt(taken - 1, words, at)) return place;
    }
  }

  #isAt(slot: number, words: Uint32Array, at: number): boolean {
    const chunk = this.chunkOf(slot);
    const offset = this.offsetOf(slot) + ID_AT;
    for (let word = 0; word < ID_WORDS; word++) if (chunk[offset + word] !== words[at + word]) return false;
    return true;
  }

  #growTable(): void {
    const before = this.#table;
    this.#table = new Uint32Array(before.length * 2);
    for (const taken of before) {
      if (taken === EMPTY) continue;
      const slot = taken - 1;
      this.#table[this.#place(this.chunkOf(slot), this.offsetOf(slot) + ID_AT)] = taken;
    }
  }
}
