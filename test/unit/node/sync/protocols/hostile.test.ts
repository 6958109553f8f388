/** What a peer may send that no honest one does: each ends in a clear error or in a result, within bounds. */
import { describe, expect, test } from "vitest";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { below, seeded, type Random } from "@shoal/shared/base/random.ts";
import { createIdSet } from "@shoal/node/sync/protocols/id-set.ts";
import { KeyedHash, Walk } from "@shoal/node/sync/protocols/iblt-hash.ts";
import { fold, SYMBOL_WORDS, writeSymbols } from "@shoal/node/sync/protocols/iblt.ts";
import { answerReconciliation, startReconciliation } from "@shoal/node/sync/protocols/reconcile.ts";
import {
  decodeAnswer,
  decodeQuestion,
  encodeAnswer,
  encodeQuestion,
  type Answer,
  type Question,
} from "@shoal/node/sync/protocols/reconcile-wire.ts";
import { makeItems } from "./items.ts";
import { makePair } from "./pairs.ts";
import { setsOf } from "./reconciled.ts";

const key = seeded(42).bytes(16);
const TAG = new Uint8Array(8);

/** A few bits turned, a piece cut out, doubled or made up; numbers at their bounds now and then. */
function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  const mutated = Buffer.from(bytes);
  const at = below(random, mutated.length);
  switch (below(random, 6)) {
    case 0:
      return mutated.subarray(0, at);
    case 1:
      return Buffer.concat([mutated, random.bytes(1 + below(random, 64))]);
    case 2:
      mutated.fill(0xff, at, Math.min(mutated.length, at + 4));
      return mutated;
    case 3:
      return Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + 1 + below(random, 40))]);
    case 4:
      mutated.set(random.bytes(Math.min(40, mutated.length - at)), at);
      return mutated;
    default:
      for (let turned = 0; turned < 3; turned++) {
        const place = below(random, Math.min(mutated.length, 300));
        mutated[place] = mutated[place]! ^ (1 << below(random, 8));
      }
      return mutated;
  }
}

const expectedCode = (thrown: unknown): string | undefined =>
  thrown instanceof ShoalError && ["invalid_argument", "resource_exhausted"].includes(thrown.code)
    ? thrown.code
    : undefined;

test("5,000 mutated questions have an answer of the size asked for, or are invalid_argument", () => {
  const random = seeded(1);
  const [asker, peer] = setsOf(makePair(2000, 100, "random", seeded(2)));
  const probe = startReconciliation(asker, { key, maxBytes: 65_536 }).request()!;
  const questions: readonly Uint8Array[] = [
    probe,
    encodeQuestion({ type: "symbols", key, maxBytes: 65_536, from: 100, to: 200, tag: TAG }),
    encodeQuestion({ type: "ids", maxBytes: 65_536, from: { time: 5n, id: new Uint8Array(32) } }),
  ];
  let answered = 0;
  for (let round = 0; round < 5000; round++) {
    const request = mutate(questions[round % 3]!, random);
    try {
      const answer = answerReconciliation(peer, request);
      expect(answer.length).toBeLessThanOrEqual(decodeQuestion(request).maxBytes);
      answered += 1;
    } catch (thrown) {
      if (expectedCode(thrown) !== "invalid_argument") throw thrown;
    }
  }
  expect(answered).toBeGreaterThan(500);
});

test("5,000 mutated answers end in a difference or in an error, in few questions", () => {
  const random = seeded(3);
  let failed = 0;
  for (let round = 0; round < 5000; round++) {
    const [asker, peer] = PAIRS[round % PAIRS.length]!;
    const size = asker.size;
    const reconciliation = startReconciliation(asker, { key: random.bytes(16), maxBytes: 16_384, maxDifference: 200 });
    let questions = 0;
    const lying = below(random, 2);
    try {
      for (let request = reconciliation.request(); request !== undefined; request = reconciliation.request()) {
        const answer = answerReconciliation(peer, request);
        reconciliation.answer(questions === lying ? mutate(answer, random) : answer);
        questions += 1;
        expect(questions).toBeLessThan(20);
      }
      expect(reconciliation.difference.have.length).toBeLessThanOrEqual(size);
    } catch (thrown) {
      if (expectedCode(thrown) === undefined) throw thrown;
      failed += 1;
      // What failed has no difference, and stays failed.
      expect(reconciliation.difference).toEqual({ need: [], have: [] });
      expect(() => reconciliation.request()).toThrow(ShoalError);
    }
  }
  expect(failed).toBeGreaterThan(2500);
});

const PAIRS = [
  setsOf(makePair(200, 40, "random", seeded(4))),
  setsOf(makePair(200, 40, "recent", seeded(5))),
  setsOf(makePair(200, 8, "clustered", seeded(6))),
  setsOf({ asker: [], peer: makeItems(100, seeded(7)) }),
];

/** Feeds an asker of 1,000 ids what `answerTo` makes, until it gives up; returns the questions and the error. */
function withPeer(
  answerTo: (question: Question, nth: number) => Answer | Uint8Array,
  options: { readonly maxBytes?: number; readonly maxDifference?: number } = {},
): { readonly questions: number; readonly thrown: unknown } {
  const asker = createIdSet(makeItems(1000, seeded(8)));
  const reconciliation = startReconciliation(asker, { key, maxDifference: 2000, ...options });
  let questions = 0;
  try {
    for (let request = reconciliation.request(); request !== undefined; request = reconciliation.request()) {
      const answer = answerTo(decodeQuestion(request), questions);
      questions += 1;
      if (questions > 1000) throw new Error("without end");
      reconciliation.answer(answer instanceof Uint8Array ? answer : encodeAnswer(answer));
    }
  } catch (thrown) {
    return { questions, thrown };
  }
  return { questions, thrown: undefined };
}

const invalid = expect.objectContaining({ code: "invalid_argument" });
const exhausted = expect.objectContaining({ code: "resource_exhausted" });

const symbolsAnswer = (from: number, symbols: Uint8Array, tag: Uint8Array = TAG): Answer => ({
  type: "symbols",
  tag,
  size: 1000,
  sketched: 100,
  from,
  symbols,
});

/** How many symbols the question asks for, 100 where it does not say. */
const askedFor = (question: Question): readonly [from: number, count: number] =>
  question.type === "symbols" ? [question.from, question.to - question.from] : [0, 100];

describe("a peer's symbols", () => {
  test("in which nothing can be found are given up at the bound of the difference", () => {
    const random = seeded(9);
    const { questions, thrown } = withPeer((question) => {
      const [from, count] = askedFor(question);
      return symbolsAnswer(from, random.bytes(count * SYMBOL_WORDS * 4));
    });
    expect(thrown).toEqual(exhausted);
    expect(questions).toBeLessThan(40);
  });

  test("of another set each time are given up after some", () => {
    const random = seeded(10);
    const { questions, thrown } = withPeer(() => symbolsAnswer(0, random.bytes(360), random.bytes(8)));
    expect([invalid, exhausted]).toContainEqual(thrown);
    expect(questions).toBeLessThan(20);
  });

  test("that show an id again which was found are refused, rather than found for ever", () => {
    const words = new Uint32Array(SYMBOL_WORDS).fill(7);
    const asker = createIdSet();
    const reconciliation = startReconciliation(asker, { key });
    const question = decodeQuestion(reconciliation.request()!);
    const hash = new KeyedHash(question.type === "ids" ? key : question.key);
    hash.of(words, 0);
    const walk = new Walk();
    walk.start(hash);
    const places: number[] = [];
    for (; walk.index < 100; walk.next()) places.push(walk.index);
    // In every symbol of its but the last one: taken out of all, it comes to be alone in that one.
    const symbols = new Uint32Array(100 * SYMBOL_WORDS);
    for (const place of places.slice(0, -1)) fold(symbols, place * SYMBOL_WORDS, words, 0, hash.check);
    const answer = encodeAnswer(symbolsAnswer(0, writeSymbols(symbols)));
    expect(() => reconciliation.answer(answer)).toThrow(invalid);
  });

  test("that are of a set, yet not of the one with that fingerprint, are refused", () => {
    const peer = createIdSet(makeItems(1000, seeded(8)).toSpliced(500, 1));
    const { thrown } = withPeer((question) => {
      const answer = decodeAnswer(answerReconciliation(peer, encodeQuestion(question)));
      return answer.type === "symbols" ? { ...answer, tag: TAG } : answer;
    });
    expect(thrown).toEqual(invalid);
  });

  test.each<[string, (question: Question) => Answer]>([
    ["of another place", (question) => symbolsAnswer(askedFor(question)[0] + 1, new Uint8Array(3600))],
    ["none", () => symbolsAnswer(0, new Uint8Array(0))],
    ["half a symbol", () => symbolsAnswer(0, new Uint8Array(35))],
    ["more than the greatest difference takes", () => symbolsAnswer(0, new Uint8Array(36 * 10_000))],
  ])("%s: invalid_argument", (_, answerTo) => {
    expect(withPeer(answerTo)).toEqual({ questions: 1, thrown: invalid });
  });

  test("fewer than were asked for are refused, so that questions have an end", () => {
    const random = seeded(11);
    const { questions, thrown } = withPeer((question, nth) =>
      symbolsAnswer(askedFor(question)[0], random.bytes(nth === 0 ? 360 : 36)),
    );
    expect({ questions, thrown }).toEqual({ questions: 2, thrown: invalid });
  });
});

describe("a peer's ids", () => {
  const random = seeded(12);
  const ids = (count: number): readonly Uint8Array[] => Array.from({ length: count }, () => random.bytes(32));
  const next = { time: 1n, id: new Uint8Array(32) };
  const FULL = 126;

  test("without end are given up at the bound of the difference", () => {
    const { questions, thrown } = withPeer(() => ({ type: "ids", bound: 0, ids: ids(FULL), next }), { maxBytes: 4096 });
    expect(thrown).toEqual(exhausted);
    expect(questions).toBeLessThan(30);
  });

  test.each<[string, Answer | Uint8Array]>([
    ["in pages that are not full", { type: "ids", bound: 0, ids: ids(1), next }],
    ["twice", { type: "ids", bound: 0, ids: Array.from({ length: 2 }, () => new Uint8Array(32)), next: undefined }],
    ["behind a bound that was not named", { type: "ids", bound: 12, ids: [], next: undefined }],
    ["a count without the ids", Buffer.from([2, 0, 0, 0xff, 0xff, 0xff, 0xff])],
    ["nothing at all", new Uint8Array(0)],
    ["more bytes than were asked for", new Uint8Array(5000)],
  ])("%s: invalid_argument", (_, answer) => {
    expect(withPeer(() => answer, { maxBytes: 4096 })).toEqual({ questions: 1, thrown: invalid });
  });
});

test("an answer that was not asked for is refused", () => {
  const set = createIdSet(makeItems(10, seeded(13)));
  const reconciliation = startReconciliation(set, { key });
  reconciliation.answer(encodeAnswer({ type: "equal" }));
  expect(reconciliation.request()).toBeUndefined();
  expect(() => reconciliation.answer(encodeAnswer({ type: "equal" }))).toThrow(invalid);
});

test("a question for all symbols there may be is answered by as many as fit", () => {
  const set = createIdSet(makeItems(1000, seeded(14)));
  const all: Question = { type: "symbols", key, maxBytes: 4 * 1024 * 1024, from: 0, to: 1_500_000, tag: TAG };
  expect(answerReconciliation(set, encodeQuestion(all)).length).toBeLessThanOrEqual(all.maxBytes);
  const beyond = encodeQuestion({ ...all, to: 1_500_001 });
  expect(() => answerReconciliation(set, beyond)).toThrow(expect.objectContaining({ field: "to" }));
});
