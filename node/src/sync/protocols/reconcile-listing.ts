/** The asker's side where the peer names all ids that it has behind a time up to which both have the same. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Difference, IdItem, IdSet } from "./contract.ts";
import { Arena, ID_AT, ITEM_WORDS } from "./id-set-arena.ts";
import { readWords, writeWords } from "./id-set-hash.ts";
import { ID_BYTES } from "./id-set.ts";
import type { Bound } from "./ranges.ts";
import { fitting, type Answer, type Question } from "./reconcile-wire.ts";

type Ids = Extract<Answer, { readonly type: "ids" }>;

export class Listing {
  readonly #set: IdSet;
  /** Of the set when this began: only what had come by then is compared. */
  readonly #size: number;
  readonly #maxBytes: number;
  readonly #maxDifference: number;
  readonly #from: IdItem;
  /** As many as the peer may list: what both have, and what may differ. */
  readonly #most: number;
  readonly #listed = new Arena();

  constructor(
    set: IdSet,
    size: number,
    { maxBytes, maxDifference }: { readonly maxBytes: number; readonly maxDifference: number },
    bounds: readonly Bound[],
    bound: number,
  ) {
    if (bound > bounds.length) {
      throw new ShoalError("invalid_argument", `one of ${bounds.length} bounds expected`, { field: "bound" });
    }
    const last = bounds[bound]?.time;
    this.#set = set;
    this.#size = size;
    this.#maxBytes = maxBytes;
    this.#maxDifference = maxDifference;
    this.#from = { time: last === undefined ? 0n : last + 1n, id: new Uint8Array(ID_BYTES) };
    this.#most = set.size - set.before(this.#from.time).size + maxDifference;
  }

  /** The question for the next page. A page is full or the last, so there are only so many. */
  take({ ids, next }: Ids): Question | undefined {
    if (this.#listed.size + ids.length > this.#most) throw tooMany(this.#maxDifference);
    const full = fitting(this.#maxBytes, ID_BYTES);
    if (ids.length > full || (next !== undefined && ids.length < full)) {
      throw new ShoalError("invalid_argument", `pages of ${full} ids expected, not ${ids.length}`, { field: "ids" });
    }
    const item = new Uint32Array(ITEM_WORDS);
    for (const id of ids) {
      readWords(id, item, ID_AT);
      if (this.#listed.find(item, ID_AT) >= 0) {
        throw new ShoalError("invalid_argument", "each id once expected", { field: "ids" });
      }
      this.#listed.push(item);
    }
    return next === undefined ? undefined : { type: "ids", maxBytes: this.#maxBytes, from: next };
  }

  difference(): Difference {
    const need: Uint8Array[] = [];
    const have: Uint8Array[] = [];
    for (const { words, items } of this.#listed.pieces(this.#listed.size)) {
      for (let at = ID_AT; at < items * ITEM_WORDS; at += ITEM_WORDS) {
        if (this.#set.arrivalOf(words, at) < 0) need.push(writeWords(words, at));
      }
    }
    const item = new Uint32Array(ITEM_WORDS);
    for (const { id } of this.#set.items(this.#from)) {
      readWords(id, item, ID_AT);
      if (this.#listed.find(item, ID_AT) < 0 && this.#set.arrivalOf(item, ID_AT) < this.#size) have.push(id);
    }
    if (need.length + have.length > this.#maxDifference) throw tooMany(this.#maxDifference);
    return { need, have };
  }
}

function tooMany(most: number): ShoalError {
  return new ShoalError("resource_exhausted", `more than ${most} ids differ: take another protocol`);
}
