import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Difference, IdItem } from "@shoal/node/sync/protocols/contract.ts";
import { createIdSet } from "@shoal/node/sync/protocols/id-set.ts";
import { answerReconciliation, startReconciliation } from "@shoal/node/sync/protocols/reconcile.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { hex, itemOf, makeItems } from "./items.ts";
import { makePair, PATTERNS, type Pair } from "./pairs.ts";
import { reconcile, setsOf } from "./reconciled.ts";

const key = seeded(42).bytes(16);
const sorted = (ids: readonly Uint8Array[]): readonly string[] => ids.map(hex).toSorted();

function expectExact({ need, have }: Difference, { asker, peer }: Pair): void {
  const [askers, peers] = [asker, peer].map((items) => new Set(items.map(({ id }) => hex(id)))) as [
    Set<string>,
    Set<string>,
  ];
  expect(sorted(need)).toEqual([...peers.difference(askers)].toSorted());
  expect(sorted(have)).toEqual([...askers.difference(peers)].toSorted());
}

test("finds exactly what any two sets differ by", () => {
  // In the first, in the second, or in both; times that repeat.
  const items = fc.array(fc.record({ time: fc.nat(300), where: fc.constantFrom("asker", "peer", "both", "both") }), {
    maxLength: 700,
  });
  fc.assert(
    fc.property(items, fc.uint8Array({ minLength: 16, maxLength: 16 }), (drawn, drawnKey) => {
      const of = (side: string): readonly IdItem[] =>
        drawn.flatMap(({ time, where }, at) => (where === side || where === "both" ? [itemOf(BigInt(time), at)] : []));
      const pair = { asker: of("asker"), peer: of("peer") };
      const [asker, peer] = setsOf(pair);
      expectExact(reconcile(asker, peer, { key: drawnKey, maxBytes: 4096 }).difference, pair);
    }),
    { numRuns: 200 },
  );
});

describe.each<[string, (items: readonly IdItem[]) => Pair]>([
  ["both are empty", () => ({ asker: [], peer: [] })],
  ["the asker has nothing", (items) => ({ asker: [], peer: items })],
  ["the peer has nothing", (items) => ({ asker: items, peer: [] })],
  ["they are equal", (items) => ({ asker: items, peer: items })],
  ["the asker lacks the newest", (items) => ({ asker: items.slice(0, -70), peer: items })],
  ["the peer lacks the newest", (items) => ({ asker: items, peer: items.slice(0, -70) })],
  ["nothing is in both", (items) => ({ asker: items.slice(0, 500), peer: items.slice(500) })],
  ["one lacks the first", (items) => ({ asker: items.slice(1), peer: items })],
  ["all have the last of all times", (items) => sameTime(items, 2n ** 64n - 1n)],
  ["all have the first of all times", (items) => sameTime(items, 0n)],
])("where %s", (_, pairOf) => {
  test("what differs is found", () => {
    const pair = pairOf(makeItems(1000, seeded(1)));
    const [asker, peer] = setsOf(pair);
    const { difference, questions } = reconcile(asker, peer, { key });
    expectExact(difference, pair);
    expect(questions).toBeLessThanOrEqual(3);
  });
});

function sameTime(items: readonly IdItem[], time: bigint): Pair {
  const moved = items.map(({ id }) => ({ time, id }));
  return { asker: moved.slice(0, 900), peer: moved.slice(100) };
}

test("equal sets take one question of a few hundred bytes and an answer of one", () => {
  const set = createIdSet(makeItems(10_000, seeded(1)));
  const { bytes, questions, difference } = reconcile(set, set, { key });
  expect({ questions, difference }).toEqual({ questions: 1, difference: { need: [], have: [] } });
  expect(bytes).toBeLessThan(400);
});

test("what is newest is found by one question, at little more than its ids", () => {
  const items = makeItems(20_000, seeded(2));
  const pair = { asker: items.slice(0, -1000), peer: items };
  const [asker, peer] = setsOf(pair);
  const { difference, questions, bytes } = reconcile(asker, peer, { key });
  expectExact(difference, pair);
  expect(questions).toBe(1);
  expect(bytes).toBeLessThan(1000 * 32 * 1.02);
});

describe.each(PATTERNS)("%s differences among 100,000", (pattern) => {
  test.each([1, 100, 5000])("of %i ids are found in few bytes and questions", (count) => {
    const pair = makePair(100_000, count, pattern, seeded(3));
    const [asker, peer] = setsOf(pair);
    const { difference, questions, bytes } = reconcile(asker, peer, { key });
    expectExact(difference, pair);
    // The same in every run, as everything is from seeds.
    expect(questions).toBeLessThanOrEqual(3);
    expect(bytes).toBeLessThan(count * 32 * 2.4 + 600);
  });
});

test("the same question has the same answer, whatever the order in which the set was filled", () => {
  const { asker, peer } = makePair(3000, 200, "random", seeded(4));
  const request = startReconciliation(createIdSet(asker), { key }).request()!;
  const answer = answerReconciliation(createIdSet(peer), request);
  expect(answerReconciliation(createIdSet(peer.toReversed()), request)).toEqual(answer);
});

describe("sets that change meanwhile", () => {
  const pair = makePair(5000, 400, "clustered", seeded(5));
  const later = makeItems(50, seeded(6), 1_800_000_000_000n);

  test.each(PATTERNS)("the asker's, %s: what was added is neither needed nor told to be lacking", (pattern) => {
    const pair = makePair(5000, 400, pattern, seeded(5));
    const [asker, peer] = setsOf(pair);
    const arriving = pair.peer.filter(({ id }) => !asker.has(id)).slice(0, 20);
    const { difference } = reconcile(asker, peer, { key }, () => {
      for (const item of [...later, ...arriving]) asker.add(item);
    });
    expectExact(difference, { ...pair, asker: [...pair.asker, ...arriving] });
  });

  test("the peer's: it begins again, and what is found is of its last answer", () => {
    const [asker, peer] = setsOf(pair);
    let asked = 0;
    const { difference } = reconcile(asker, peer, { key, maxBytes: 4096 }, (question) => {
      asked = question;
      if (question === 1) for (const item of later) peer.add(item);
    });
    expect(asked).toBeGreaterThan(0);
    expectExact(difference, { ...pair, peer: [...pair.peer, ...later] });
  });

  test("a peer's that never rests ends the matter", () => {
    const [asker, peer] = setsOf(pair);
    const more = makeItems(10_000, seeded(7));
    const endless = (): unknown =>
      reconcile(asker, peer, { key, maxBytes: 4096 }, (question) => {
        for (const item of more.slice(question * 5, question * 5 + 5)) peer.add(item);
      });
    expect(endless).toThrow(expect.objectContaining({ code: "resource_exhausted" }));
  });
});

describe("bounds", () => {
  test.each<[string, Pair]>([
    ["more ids than one may differ by, spread", makePair(20_000, 5000, "random", seeded(8))],
    ["more, all of them the peer's newest", { asker: [], peer: makeItems(3000, seeded(9)) }],
    ["more, all of them the asker's newest", { asker: makeItems(3000, seeded(9)), peer: [] }],
    ["just one more", makePair(20_000, 1001, "clustered", seeded(10))],
  ])("%s, are for another protocol", (_, pair) => {
    const [asker, peer] = setsOf(pair);
    const refused = (): unknown => reconcile(asker, peer, { key, maxDifference: 1000 });
    expect(refused).toThrow(expect.objectContaining({ code: "resource_exhausted" }));
  });

  test("as many as one may differ by are found", () => {
    const pair = makePair(20_000, 1000, "clustered", seeded(11));
    expectExact(reconcile(...setsOf(pair), { key, maxDifference: 1000 }).difference, pair);
  });

  test.each<[string, Pair]>([
    ["symbols", makePair(20_000, 1000, "random", seeded(12))],
    ["ids", { asker: [], peer: makeItems(1000, seeded(13)) }],
  ])("%s that do not fit into one answer come in several", (_, pair) => {
    const [asker, peer] = setsOf(pair);
    const reconciliation = startReconciliation(asker, { key, maxBytes: 4096 });
    let questions = 0;
    for (let request = reconciliation.request(); request !== undefined; request = reconciliation.request()) {
      const answer = answerReconciliation(peer, request);
      expect(answer.length).toBeLessThanOrEqual(4096);
      reconciliation.answer(answer);
      questions += 1;
    }
    expectExact(reconciliation.difference, pair);
    expect(questions).toBeGreaterThan(5);
  });

  test("options out of their bounds are named", () => {
    const set = createIdSet();
    expect(() => startReconciliation(set, { key: key.slice(1) })).toThrow(expect.objectContaining({ field: "key" }));
    for (const maxBytes of [100, 2 ** 30, Number.NaN]) {
      const start = (): unknown => startReconciliation(set, { key, maxBytes });
      expect(start).toThrow(expect.objectContaining({ code: "invalid_argument", field: "maxBytes" }));
    }
  });
});

test("ids that were made to misguess the difference cost bytes or questions, not the result", () => {
  // All move the same counter, up or down by turns: the sketch sees none of 1,000.
  const items = makeItems(5000, seeded(14));
  const hidden = makeItems(1000, seeded(15)).map((item, at) => {
    const id = item.id.slice();
    id[31] = at % 2 === 0 ? 0 : 128;
    return { time: items[at * 4]!.time, id };
  });
  const pair = { asker: items, peer: [...items, ...hidden] };
  const { difference, questions } = reconcile(...setsOf(pair), { key });
  expectExact(difference, pair);
  expect(questions).toBeLessThanOrEqual(4);
  const lacking = { asker: [...items, ...hidden.slice(0, 500)], peer: [...items, ...hidden.slice(500)] };
  const both = reconcile(...setsOf(lacking), { key });
  expectExact(both.difference, lacking);
  expect(both.questions).toBeLessThanOrEqual(12);
});
