/**
 * Finds the ids that two rows of symbols differ by: a symbol with one id left in it shows the id, which is then taken out of all
 * its symbols, and so on. What it is fed comes from a peer that may have made it up: every id is found once, no more ids than
 * there are symbols, and symbols in which nothing can be found are simply never empty.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { Arena, ID_AT, ITEM_WORDS } from "./id-set-arena.ts";
import { ID_WORDS } from "./id-set-hash.ts";
import { KeyedHash, Walk } from "./iblt-hash.ts";
import { EMPTY, MORE_IDS, ONE_ID } from "./iblt-estimate.ts";
import { fold, SYMBOL_WORDS } from "./iblt.ts";

export class Decoder {
  readonly #hash: KeyedHash;
  readonly #walk = new Walk();
  /** Symbols without what was found. */
  #symbols = new Uint32Array(0);
  #length = 0;
  readonly #found = new Arena();
  readonly #item = new Uint32Array(ITEM_WORDS);
  /** What each symbol showed when it came. */
  #shown = new Uint8Array(0);

  constructor(key: Uint8Array) {
    this.#hash = new KeyedHash(key);
  }

  get length(): number {
    return this.#length;
  }

  get found(): number {
    return this.#found.size;
  }

  /** What each symbol showed when it came, as `iblt-estimate.ts` reads it. */
  get shown(): Uint8Array {
    return this.#shown.subarray(0, this.#length);
  }

  /** Every id stands in the first symbol, so that one is empty last. */
  get isDone(): boolean {
    return this.#length > 0 && this.#symbols.subarray(0, this.#length * SYMBOL_WORDS).every((word) => word === 0);
  }

  /** The ids that were found, in pieces of `ITEM_WORDS` words for each. */
  pieces(): Iterable<{ readonly words: Uint32Array; readonly items: number }> {
    return this.#found.pieces(this.#found.size);
  }

  /**
   * Takes the next symbols: of the one set, and of the other in the same place. Throws `invalid_argument` for symbols that are
   * of no two sets.
   */
  extend(theirs: Uint32Array, mine: Uint32Array): void {
    const from = this.#length;
    const added = theirs.length / SYMBOL_WORDS;
    this.#room(from + added);
    for (let word = 0; word < theirs.length; word++) {
      this.#symbols[from * SYMBOL_WORDS + word] = theirs[word]! ^ mine[word]!;
    }
    for (let symbol = from; symbol < from + added; symbol++) {
      this.#shown[symbol] = this.#isEmpty(symbol) ? EMPTY : this.#isOne(symbol) ? ONE_ID : MORE_IDS;
    }
    this.#length = from + added;
    const touched: number[] = [];
    for (const { words, items } of this.pieces()) {
      for (let item = 0; item < items; item++) this.#takeOut(words, item * ITEM_WORDS + ID_AT, from, touched);
    }
    for (let symbol = from; symbol < this.#length; symbol++) touched.push(symbol);
    for (let symbol = touched.pop(); symbol !== undefined; symbol = touched.pop()) this.#look(symbol, touched);
  }

  #room(length: number): void {
    if (length <= this.#shown.length) return;
    const [symbols, shown] = [new Uint32Array(length * SYMBOL_WORDS), new Uint8Array(length)];
    symbols.set(this.#symbols);
    shown.set(this.#shown);
    this.#symbols = symbols;
    this.#shown = shown;
  }

  #isEmpty(symbol: number): boolean {
    const at = symbol * SYMBOL_WORDS;
    for (let word = 0; word < ID_WORDS; word++) if (this.#symbols[at + word] !== 0) return false;
    return true;
  }

  /** Whether what is in the symbol has the checksum of an id, and that id stands there. */
  #isOne(symbol: number): boolean {
    const at = symbol * SYMBOL_WORDS;
    this.#hash.of(this.#symbols, at);
    if (this.#hash.check !== this.#symbols[at + ID_WORDS]) return false;
    const walk = this.#walk;
    walk.start(this.#hash);
    while (walk.index < symbol) walk.next();
    return walk.index === symbol;
  }

  /** Finds the id that is alone in a symbol, if one is. */
  #look(symbol: number, touched: number[]): void {
    if (this.#isEmpty(symbol) || !this.#isOne(symbol)) return;
    const at = symbol * SYMBOL_WORDS;
    const item = this.#item;
    for (let word = 0; word < ID_WORDS; word++) item[ID_AT + word] = this.#symbols[at + word]!;
    // Taken out of all its symbols it cannot come again, unless it was put into only some of them.
    if (this.#found.find(item, ID_AT) >= 0 || this.#found.size >= this.#length) {
      throw new ShoalError("invalid_argument", "symbols of two sets expected: these are of none", { field: "symbols" });
    }
    this.#found.push(item);
    this.#takeOut(item, ID_AT, 0, touched);
  }

  #takeOut(words: Uint32Array, at: number, from: number, touched: number[]): void {
    this.#hash.of(words, at);
    const check = this.#hash.check;
    const walk = this.#walk;
    for (walk.start(this.#hash); walk.index < this.#length; walk.next()) {
      if (walk.index < from) continue;
      fold(this.#symbols, walk.index * SYMBOL_WORDS, words, at, check);
      touched.push(walk.index);
    }
  }
}
