/** The asker's side where the peer answers with symbols: decodes them, and says how many more it takes. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Difference, IdSet } from "./contract.ts";
import { Decoder } from "./iblt-decoder.ts";
import { guessDifferenceFrom, symbolsFor } from "./iblt-estimate.ts";
import { readSymbols, SYMBOL_BYTES, symbolsOf } from "./iblt.ts";
import { ID_AT, ITEM_WORDS } from "./id-set-arena.ts";
import { addLanes, fingerprintOf, LANES, spreadId, subtractLanes, writeWords } from "./id-set-hash.ts";
import { sameBytes, tagOf } from "./ranges.ts";
import { fitting, MAX_SYMBOLS, type Answer, type Question } from "./reconcile-wire.ts";

type Symbols = Extract<Answer, { readonly type: "symbols" }>;

/** How sure the second answer is to be enough, in standard deviations. */
const SURE = 3;
/** That much for some hundred ids would be more than twice their bytes; few cost next to nothing, and many vary little. */
const LESS_SURE = 1.7;
const FEW = 64;
const MANY = 512;
/** What the second and each further answer bring at least: a share that doubles, so that there are not many. */
const LEAST_MORE = 4;
const THEN_MORE = 0.1;
/** How often the peer's set may change, which is to begin again. */
const MAX_RESTARTS = 8;
/** What some differences take, in standard deviations beyond what is usual. */
const AT_MOST = 6;

export class Sifting {
  readonly #set: IdSet;
  /** Of the set when this began: only what had come by then is compared. */
  readonly size: number;
  readonly #sum: Uint32Array;
  readonly #key: Uint8Array;
  readonly #maxBytes: number;
  readonly #maxDifference: number;
  readonly #most: number;
  #decoder: Decoder;
  #theirs: Pick<Symbols, "tag" | "size"> | undefined;
  #sketched = 0;
  #answers = 0;
  #restarts = 0;

  constructor(
    set: IdSet,
    {
      key,
      maxBytes,
      maxDifference,
    }: { readonly key: Uint8Array; readonly maxBytes: number; readonly maxDifference: number },
  ) {
    this.#set = set;
    this.size = set.size;
    this.#sum = set.sum;
    this.#key = key;
    this.#maxBytes = maxBytes;
    this.#maxDifference = maxDifference;
    this.#most = Math.min(MAX_SYMBOLS, symbolsFor({ difference: maxDifference, deviation: 0 }, AT_MOST));
    this.#decoder = new Decoder(key);
  }

  /** The question for further symbols; undefined where these were enough. */
  take(question: Question, answer: Symbols): Question | undefined {
    if (this.#theirs !== undefined && !sameBytes(this.#theirs.tag, answer.tag)) {
      this.#restarts += 1;
      if (this.#restarts > MAX_RESTARTS) {
        throw new ShoalError("resource_exhausted", "the peer's ids change faster than they can be compared");
      }
      this.#decoder = new Decoder(this.#key);
    }
    const { length } = this.#decoder;
    this.#expect(question, answer, length);
    if (this.#theirs === undefined) this.#sketched = answer.sketched;
    this.#theirs = answer;
    const theirs = readSymbols(answer.symbols);
    const to = length + answer.symbols.length / SYMBOL_BYTES;
    this.#decoder.extend(theirs, symbolsOf(this.#set, this.size, this.#key, length, to));
    this.#answers += 1;
    return this.#decoder.isDone ? undefined : this.#askMore(answer);
  }

  #expect(question: Question, { from, symbols }: Symbols, length: number): void {
    const count = symbols.length / SYMBOL_BYTES;
    const room = fitting(this.#maxBytes, SYMBOL_BYTES);
    const least = question.type === "symbols" ? Math.min(question.to - length, room) : 1;
    const most = question.type === "symbols" ? least : Math.min(room, this.#most);
    if (from === length && count >= least && count <= most) return;
    throw new ShoalError(
      "invalid_argument",
      `${least} to ${most} symbols from ${length} on expected, not ${count} from ${from} on`,
      { field: "symbols" },
    );
  }

  #askMore({ tag, size }: Symbols): Question {
    const { found, length, shown } = this.#decoder;
    if (length >= this.#most) throw tooMany(this.#maxDifference);
    const guess = guessDifferenceFrom(shown, this.#sketched);
    const difference = Math.max(guess.difference, found + 1, Math.abs(size - this.size));
    const more = Math.max(LEAST_MORE, this.#answers > 1 ? Math.ceil(length * THEN_MORE * 2 ** (this.#answers - 2)) : 0);
    const wanted = Math.max(
      symbolsFor({ ...guess, difference }, difference < FEW || difference >= MANY ? SURE : LESS_SURE),
      length + more,
    );
    const to = Math.min(wanted, this.#most);
    return { type: "symbols", key: this.#key, maxBytes: this.#maxBytes, from: length, to, tag };
  }

  /** Throws `invalid_argument` where the peer's set with it is not ours, as its fingerprint tells. */
  difference(): Difference {
    const need: Uint8Array[] = [];
    const have: Uint8Array[] = [];
    const sum = this.#sum.slice();
    const spread = new Uint32Array(LANES);
    let size = this.size;
    for (const { words, items } of this.#decoder.pieces()) {
      for (let at = ID_AT; at < items * ITEM_WORDS; at += ITEM_WORDS) {
        const arrival = this.#set.arrivalOf(words, at);
        const isOurs = arrival >= 0 && arrival < this.size;
        spreadId(words, at, spread);
        if (isOurs) subtractLanes(sum, spread);
        else addLanes(sum, spread);
        size += isOurs ? -1 : 1;
        if (isOurs) have.push(writeWords(words, at));
        else if (arrival < 0) need.push(writeWords(words, at));
      }
    }
    const theirs = this.#theirs;
    if (theirs === undefined || !sameBytes(theirs.tag, tagOf(this.#key, fingerprintOf(sum, size)))) {
      throw new ShoalError("invalid_argument", "symbols of the set with that fingerprint expected", {
        field: "symbols",
      });
    }
    if (need.length + have.length > this.#maxDifference) throw tooMany(this.#maxDifference);
    return { need, have };
  }
}

function tooMany(most: number): ShoalError {
  return new ShoalError("resource_exhausted", `more than ${most} ids differ: take another protocol`);
}
