/** A set of ids in memory (about 70 bytes each): ordered by time, with the hash of any range at the cost of a few nodes. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { IdItem, IdSet, Prefix } from "./contract.ts";
import { Arena, ID_AT, ITEM_WORDS } from "./id-set-arena.ts";
import { fingerprintOf, LANES, readWords, writeWords } from "./id-set-hash.ts";
import { Tree } from "./id-set-tree.ts";
import { addToSketch, SKETCH_BYTES } from "./id-set-sketch.ts";

export const ID_BYTES = 32;
const WORD = 0x1_0000_0000n;

/** A set of `items`; throws `invalid_argument` for an id that has not 32 bytes or a time that is no u64, as `add` does. */
export function createIdSet(items: Iterable<IdItem> = []): IdSet {
  const set = new OrderedIds();
  for (const item of items) set.add(item);
  return set;
}

class OrderedIds implements IdSet {
  readonly #arena = new Arena();
  readonly #tree = new Tree(this.#arena);
  readonly sketch = new Uint8Array(SKETCH_BYTES);
  /** Of the set as it is; undefined after a change. */
  #fingerprint: Uint8Array | undefined;
  readonly #item = new Uint32Array(ITEM_WORDS);

  get size(): number {
    return this.#arena.size;
  }

  has(id: Uint8Array): boolean {
    if (id.length !== ID_BYTES) return false;
    readWords(id, this.#item, ID_AT);
    return this.#arena.find(this.#item, ID_AT) >= 0;
  }

  add({ time, id }: IdItem): boolean {
    if (id.length !== ID_BYTES) {
      throw new ShoalError("invalid_argument", `an id of ${ID_BYTES} bytes expected, not ${id.length}`, {
        field: "id",
      });
    }
    if (time < 0n || time >= WORD * WORD) {
      throw new ShoalError("invalid_argument", "a time of 64 bits expected", { field: "time" });
    }
    const item = this.#item;
    readItem({ time, id }, item);
    if (this.#arena.find(item, ID_AT) >= 0) return false;
    this.#tree.add(this.#arena.push(item));
    addToSketch(this.sketch, item, ID_AT);
    this.#fingerprint = undefined;
    return true;
  }

  /** Kept: 256 bytes are hashed in the first call after a change. */
  fingerprint(): Uint8Array {
    this.#fingerprint ??= fingerprintOf(this.#tree.sum, this.size);
    return this.#fingerprint.slice();
  }

  before(time: bigint): Prefix {
    if (time >= WORD * WORD) return { size: this.size, fingerprint: this.fingerprint() };
    const sum = new Uint32Array(LANES);
    const size = this.#tree.before(readItem({ time, id: FIRST_ID }, new Uint32Array(ITEM_WORDS)), sum);
    return { size, fingerprint: fingerprintOf(sum, size) };
  }

  timeAt(position: number): bigint | undefined {
    if (!(position >= 0 && position < this.size)) return undefined;
    const slot = this.#tree.at(position);
    return timeOf(this.#arena.chunkOf(slot), this.#arena.offsetOf(slot));
  }

  /** May be added to while it is being walked: what comes before the place that was reached is not seen. */
  *items(from: IdItem = { time: 0n, id: FIRST_ID }): Iterable<IdItem> {
    if (from.time >= WORD * WORD) return;
    const next = readItem(from, new Uint32Array(ITEM_WORDS));
    for (let slots = this.#tree.leafFrom(next); slots.length > 0; slots = this.#tree.leafFrom(next)) {
      for (const slot of slots) {
        const chunk = this.#arena.chunkOf(slot);
        const at = this.#arena.offsetOf(slot);
        yield { time: timeOf(chunk, at), id: writeWords(chunk, at + ID_AT) };
      }
      const last = slots.at(-1)!;
      next.set(this.#arena.chunkOf(last).subarray(this.#arena.offsetOf(last), this.#arena.offsetOf(last) + ITEM_WORDS));
      if (!increment(next)) return;
    }
  }

  get sum(): Uint32Array {
    return this.#tree.sum.slice(0, LANES);
  }

  arrivals(count: number): Iterable<{ readonly words: Uint32Array; readonly items: number }> {
    return this.#arena.pieces(count);
  }

  arrivalOf(words: Uint32Array, at: number): number {
    return this.#arena.find(words, at);
  }
}

const FIRST_ID = new Uint8Array(ID_BYTES);

function readItem({ time, id }: IdItem, item: Uint32Array): Uint32Array {
  item[0] = Number(time / WORD);
  item[1] = Number(time % WORD);
  readWords(id, item, ID_AT);
  return item;
}

const timeOf = (words: Uint32Array, at: number): bigint => BigInt(words[at]!) * WORD + BigInt(words[at + 1]!);

/** To the item right behind; false where there is none. */
function increment(item: Uint32Array): boolean {
  for (let word = ITEM_WORDS - 1; word >= 0; word--) {
    item[word] = item[word]! + 1;
    if (item[word] !== 0) return true;
  }
  return false;
}
