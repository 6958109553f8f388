/**
 * The answering side. It keeps nothing between questions, and what a question may cost is bounded: a probe is a few lookups and,
 * at most, one pass over the set; symbols are one pass, whatever they ask for.
 */
import type { IdSet } from "./contract.ts";
import { symbolsFor } from "./iblt-estimate.ts";
import { SYMBOL_BYTES, symbolsOf, writeSymbols } from "./iblt.ts";
import { guessDifference } from "./id-set-sketch.ts";
import { ID_BYTES } from "./id-set.ts";
import { matchBounds, pageFrom, sameBytes, tagOf } from "./ranges.ts";
import { fitting, type Answer, type Question } from "./reconcile-wire.ts";

type Probe = Extract<Question, { readonly type: "probe" }>;

/** Of a node that has `set`. */
export function answerQuestion(set: IdSet, question: Question): Answer {
  switch (question.type) {
    case "probe":
      return answerProbe(set, question);
    case "ids":
      return { type: "ids", bound: 0, ...pageFrom(set, question.from, fitting(question.maxBytes, ID_BYTES)) };
    case "symbols": {
      const { key, maxBytes, tag, to } = question;
      const from = sameBytes(tag, tagOf(key, set.fingerprint())) ? question.from : 0;
      return symbols(set, key, from, to, maxBytes, 0);
    }
  }
}

function answerProbe(set: IdSet, { key, maxBytes, maxDifference, size, sketch, bounds }: Probe): Answer {
  const match = matchBounds(set, key, bounds);
  const newer = set.size - match.size;
  const theirs = size - match.size;
  if (newer === 0 && theirs === 0) return { type: "equal" };
  // What both have behind the bound is there twice; what differs is at least by how much their numbers do.
  const least = Math.max(1, Math.abs(newer - theirs));
  const sketched = guessDifference(sketch, set.sketch);
  const guess = Math.min(Math.max(least, sketched), newer + Math.max(theirs, 0));
  if (Math.max(least, guess / DOUBT) > maxDifference) return { type: "beyond", difference: guess };
  const count = Math.max(1, symbolsFor({ difference: guess * FIRST_SHARE, deviation: 0 }, AT_FIRST));
  if (newer * ID_BYTES <= count * SYMBOL_BYTES) {
    const from = { time: match.from, id: FIRST_ID };
    return { type: "ids", bound: match.bound, ...pageFrom(set, from, fitting(maxBytes, ID_BYTES)) };
  }
  return symbols(set, key, 0, count, maxBytes, sketched);
}

/** The first symbols are for somewhat fewer ids than guessed: what is missing can be asked for, what is too much is sent. */
const FIRST_SHARE = 0.9;
const AT_FIRST = 1;
/** A guess from sketches is not that far off. */
const DOUBT = 2;
const FIRST_ID = new Uint8Array(ID_BYTES);

function symbols(set: IdSet, key: Uint8Array, from: number, to: number, maxBytes: number, sketched: number): Answer {
  const end = Math.min(to, from + fitting(maxBytes, SYMBOL_BYTES));
  return {
    type: "symbols",
    tag: tagOf(key, set.fingerprint()),
    size: set.size,
    sketched: Math.min(sketched, 0xffff_ffff),
    from,
    symbols: writeSymbols(symbolsOf(set, set.size, key, from, end)),
  };
}
