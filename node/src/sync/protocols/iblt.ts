/**
 * Rateless invertible Bloom lookup tables: an endless row of symbols of a set, each the exclusive or of the ids that stand in it
 * and of their checksums. What two sets have in common falls out of the exclusive or of their rows, and about 1.4 symbols for each
 * id that only one has are enough to find them all. Ours carry no count: which side has an id is told by looking for it.
 */
import type { IdSet } from "./contract.ts";
import { ID_AT, ITEM_WORDS } from "./id-set-arena.ts";
import { ID_WORDS } from "./id-set-hash.ts";
import { KeyedHash, Walk } from "./iblt-hash.ts";

/** The id and the checksum. */
export const SYMBOL_WORDS = ID_WORDS + 1;
export const SYMBOL_BYTES = SYMBOL_WORDS * 4;

/**
 * Symbols `from` to `to` (not included) of the first `count` ids of `set`: one pass over them, each id hashed and put in its
 * 2 ln(to) or so symbols.
 */
export function symbolsOf(set: IdSet, count: number, key: Uint8Array, from: number, to: number): Uint32Array {
  const symbols = new Uint32Array((to - from) * SYMBOL_WORDS);
  const hash = new KeyedHash(key);
  const walk = new Walk();
  for (const { words, items } of set.arrivals(count)) {
    for (let item = 0; item < items; item++) {
      const at = item * ITEM_WORDS + ID_AT;
      hash.of(words, at);
      const check = hash.check;
      for (walk.start(hash); walk.index < to; walk.next()) {
        if (walk.index >= from) fold(symbols, (walk.index - from) * SYMBOL_WORDS, words, at, check);
      }
    }
  }
  return symbols;
}

/** Puts an id into a symbol, or takes it out. */
export function fold(symbols: Uint32Array, symbol: number, words: Uint32Array, at: number, check: number): void {
  for (let word = 0; word < ID_WORDS; word++) symbols[symbol + word] = symbols[symbol + word]! ^ words[at + word]!;
  symbols[symbol + ID_WORDS] = symbols[symbol + ID_WORDS]! ^ check;
}

export function writeSymbols(symbols: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(symbols.length * 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < symbols.length; at++) view.setUint32(at * 4, symbols[at]!);
  return bytes;
}

export function readSymbols(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const symbols = new Uint32Array(bytes.length >>> 2);
  for (let at = 0; at < symbols.length; at++) symbols[at] = view.getUint32(at * 4);
  return symbols;
}
