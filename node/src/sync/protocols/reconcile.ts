/**
 * Finds what two sets of ids differ by, in both directions, by one question where the differences are the newest or a guess at
 * their number was good, by two otherwise. The first question carries all that the peer needs to choose: fingerprints of what
 * the asker has up to some times (`ranges.ts`), a sketch to guess the difference from, and a key. The peer answers with its
 * newest ids or with symbols of its set (`iblt.ts`), whichever are fewer bytes; the asker decodes, and asks for the symbols that
 * are missing. What was decoded is checked against the peer's fingerprint.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Difference, IdSet, Reconciliation } from "./contract.ts";
import { KEY_BYTES } from "./iblt-hash.ts";
import { boundsOf, type Bound } from "./ranges.ts";
import { answerQuestion } from "./reconcile-answer.ts";
import { Listing } from "./reconcile-listing.ts";
import { Sifting } from "./reconcile-sifting.ts";
import {
  decodeAnswer,
  decodeQuestion,
  encodeAnswer,
  encodeQuestion,
  MAX_ANSWER,
  MIN_ANSWER,
  type Answer,
  type Question,
} from "./reconcile-wire.ts";

export interface ReconciliationOptions {
  /** 16 random bytes, new for each reconciliation. */
  readonly key: Uint8Array;
  /** Ids that the two may differ by; more are `resource_exhausted`: another protocol is cheaper. */
  readonly maxDifference?: number;
  /** Of one answer. A difference that takes more comes in several. */
  readonly maxBytes?: number;
}

const MAX_DIFFERENCE = 262_144;
const MAX_BYTES = 1024 * 1024;

/**
 * Begins to find what `set`, as it is now, and a peer's differ by. Whatever is added to `set` meanwhile is neither told to be
 * lacking at the peer nor asked for. Throws `invalid_argument` for options out of their bounds.
 */
export function startReconciliation(set: IdSet, options: ReconciliationOptions): Reconciliation {
  const { key, maxDifference = MAX_DIFFERENCE, maxBytes = MAX_BYTES } = options;
  if (key.length !== KEY_BYTES) throw refusal("key", `a key of ${KEY_BYTES} bytes expected, not ${key.length}`);
  if (!(maxBytes >= MIN_ANSWER && maxBytes <= MAX_ANSWER)) {
    throw refusal("maxBytes", `${MIN_ANSWER} to ${MAX_ANSWER} bytes expected, not ${maxBytes}`);
  }
  return new Asker(set, { key: key.slice(), maxDifference, maxBytes });
}

/**
 * The answer of a node that has `set`, in at most the bytes that the request allows (4 MiB). It depends on nothing else, and
 * nothing is kept. Throws `invalid_argument` for what is no request. Synchronous, and up to one pass over the whole set (some
 * 50 ms for 100,000 ids): callers bound how often a peer may ask.
 */
export function answerReconciliation(set: IdSet, request: Uint8Array): Uint8Array {
  return encodeAnswer(answerQuestion(set, decodeQuestion(request)));
}

const NOTHING: Difference = { need: [], have: [] };

class Asker implements Reconciliation {
  readonly #set: IdSet;
  readonly #options: Required<ReconciliationOptions>;
  readonly #bounds: readonly Bound[];
  #question: Question | undefined;
  readonly #sifting: Sifting;
  #listing: Listing | undefined;
  #difference = NOTHING;
  #failure: unknown;

  constructor(set: IdSet, options: Required<ReconciliationOptions>) {
    const { key, maxBytes, maxDifference } = options;
    this.#set = set;
    this.#options = options;
    this.#bounds = boundsOf(set, key);
    this.#sifting = new Sifting(set, options);
    const { size } = set;
    const sketch = set.sketch.slice();
    this.#question = { type: "probe", key, maxBytes, maxDifference, size, sketch, bounds: this.#bounds };
  }

  get difference(): Difference {
    return this.#difference;
  }

  request(): Uint8Array | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#question === undefined ? undefined : encodeQuestion(this.#question);
  }

  answer(response: Uint8Array): void {
    const question = this.#question;
    if (question === undefined) throw refusal("response", "no answer was asked for");
    try {
      if (response.length > question.maxBytes) {
        throw refusal("response", `at most ${question.maxBytes} bytes were asked for, not ${response.length}`);
      }
      this.#question = this.#take(question, decodeAnswer(response));
    } catch (thrown) {
      // What was half taken in must not pass for a difference.
      this.#failure = thrown;
      throw thrown;
    }
  }

  /** The next question. */
  #take(question: Question, answer: Answer): Question | undefined {
    if (question.type !== "probe" && answer.type !== question.type) {
      throw refusal("response", `an answer with ${question.type} expected, not ${answer.type}`);
    }
    switch (answer.type) {
      case "equal":
        return undefined;
      case "beyond":
        throw new ShoalError(
          "resource_exhausted",
          `about ${answer.difference} ids differ, more than ${this.#options.maxDifference}: take another protocol`,
        );
      case "ids": {
        this.#listing ??= new Listing(this.#set, this.#sifting.size, this.#options, this.#bounds, answer.bound);
        const next = this.#listing.take(answer);
        if (next === undefined) this.#difference = this.#listing.difference();
        return next;
      }
      case "symbols": {
        const next = this.#sifting.take(question, answer);
        if (next === undefined) this.#difference = this.#sifting.difference();
        return next;
      }
    }
  }
}

function refusal(field: string, message: string): ShoalError {
  return new ShoalError("invalid_argument", message, { field });
}
