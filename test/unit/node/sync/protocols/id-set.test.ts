import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { IdItem } from "@shoal/node/sync/protocols/contract.ts";
import { createIdSet } from "@shoal/node/sync/protocols/id-set.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { hex, inOrder, itemOf, makeItems, shuffled } from "./items.ts";

const LAST = 2n ** 64n - 1n;

/** Few times and few ids, so that both repeat. */
const anyItems = fc
  .array(fc.record({ time: fc.oneof(fc.bigInt(0n, 5n), fc.bigInt(0n, LAST)), id: fc.nat(400) }), { maxLength: 600 })
  .map((drawn) => drawn.map(({ time, id }) => itemOf(time, id)));

/** The first item of each id. */
const distinct = (items: readonly IdItem[]): readonly IdItem[] => {
  const seen = new Map<string, IdItem>();
  for (const item of items) if (!seen.has(hex(item.id))) seen.set(hex(item.id), item);
  return [...seen.values()];
};

test("holds each id once, in order of time and id", () => {
  fc.assert(
    fc.property(anyItems, (items) => {
      const set = createIdSet();
      const seen = new Set<string>();
      for (const item of items) {
        expect(set.has(item.id)).toBe(seen.has(hex(item.id)));
        expect(set.add(item)).toBe(!seen.has(hex(item.id)));
        seen.add(hex(item.id));
      }
      expect(set.size).toBe(seen.size);
      expect([...set.items()]).toEqual(inOrder(distinct(items)));
    }),
  );
});

test("begins where it is asked to, and knows every position's time", () => {
  fc.assert(
    fc.property(anyItems, anyItems, (items, starts) => {
      const set = createIdSet(items);
      const sorted = inOrder(distinct(items));
      for (const from of starts.slice(0, 5)) {
        const first = inOrder([from, ...sorted]).indexOf(from);
        expect([...set.items(from)]).toEqual(sorted.slice(first));
      }
      expect(sorted.map((_, at) => set.timeAt(at))).toEqual(sorted.map(({ time }) => time));
      expect(set.timeAt(set.size)).toBeUndefined();
    }),
  );
});

test("is the same in whatever order it was filled, and its prefixes are sets of their own", () => {
  fc.assert(
    fc.property(anyItems, fc.nat(), fc.bigInt(0n, LAST), (drawn, seed, time) => {
      const items = distinct(drawn);
      const set = createIdSet(items);
      const other = createIdSet(shuffled(items, seeded(seed)));
      expect(other.fingerprint()).toEqual(set.fingerprint());
      expect(other.sketch).toEqual(set.sketch);
      for (const bound of [0n, 3n, time]) {
        const earlier = createIdSet(items.filter((item) => item.time < bound));
        const expected = { size: earlier.size, fingerprint: earlier.fingerprint() };
        expect(set.before(bound)).toEqual(expected);
        expect(other.before(bound)).toEqual(expected);
      }
      expect(set.before(2n ** 64n)).toEqual({ size: set.size, fingerprint: set.fingerprint() });
    }),
  );
});

test("tells sets apart that differ by one id, by their number, or by what cancels out in a sum of bits", () => {
  const items = makeItems(50, seeded(1));
  const whole = hex(createIdSet(items).fingerprint());
  const prints = items.map((_, without) => hex(createIdSet(items.toSpliced(without, 1)).fingerprint()));
  expect(new Set([whole, ...prints]).size).toBe(items.length + 1);
  // a ^ b ^ c ^ (a ^ b ^ c) is nothing, and ids of all zeros are an id like others.
  const [a, b, c] = items.map(({ id }) => id) as [Uint8Array, Uint8Array, Uint8Array];
  const d = a.map((byte, at) => byte ^ b[at]! ^ c[at]!);
  const cancelling = createIdSet([a, b, c, d].map((id) => ({ time: 1n, id })));
  expect(hex(cancelling.fingerprint())).not.toBe(hex(createIdSet().fingerprint()));
  expect(createIdSet([{ time: 0n, id: new Uint8Array(32) }]).fingerprint()).not.toEqual(createIdSet().fingerprint());
});

test("the fingerprint is one that other nodes have: it never changes", () => {
  expect(hex(createIdSet().fingerprint())).toMatchInlineSnapshot(
    `"44b8aa4d28701168922acf61435ea4bb442f97b0b14ad7a2510ed68874ee2a72"`,
  );
  expect(hex(createIdSet(makeItems(1000, seeded(7))).fingerprint())).toMatchInlineSnapshot(
    `"b118f2bd67629bc86e785042a0061bf2500a3d8eec08391178381ad01b9ee5d1"`,
  );
});

test("holds 100,000 ids, appended or shuffled, in less than 100 bytes each", () => {
  const items = makeItems(100_000, seeded(2));
  const set = createIdSet(items);
  const other = createIdSet(shuffled(items, seeded(3)));
  expect(other.fingerprint()).toEqual(set.fingerprint());
  const middle = items[50_000]!.time;
  expect(other.before(middle)).toEqual(set.before(middle));
  expect(items.every(({ id }) => other.has(id))).toBe(true);
  expect([...other.items(items[99_990])]).toEqual(items.slice(99_990));
});

test("may be added to while it is being walked", () => {
  const items = makeItems(500, seeded(4));
  const set = createIdSet(items.filter((_, at) => at % 2 === 0));
  const walked: IdItem[] = [];
  for (const item of set.items()) {
    walked.push(item);
    const next = items[walked.length * 2 - 1];
    if (next !== undefined) set.add(next);
  }
  const seen = new Set(walked.map(({ id }) => hex(id)));
  expect(items.filter((_, at) => at % 2 === 0).every(({ id }) => seen.has(hex(id)))).toBe(true);
  expect(walked).toEqual(inOrder(walked));
});

test("refuses what is no id or no time", () => {
  const set = createIdSet();
  expect(() => set.add({ time: 1n, id: new Uint8Array(31) })).toThrow(expect.objectContaining({ field: "id" }));
  for (const time of [-1n, 2n ** 64n]) {
    expect(() => set.add({ time, id: new Uint8Array(32) })).toThrow(expect.objectContaining({ field: "time" }));
  }
  expect(set.has(new Uint8Array(31))).toBe(false);
  expect(set.size).toBe(0);
});

test("ids that were made to collide in the index cost no more than others", () => {
  // 20,000 ids with the same first word: only the second tells them apart.
  const random = seeded(5);
  const ids = Array.from({ length: 20_000 }, () => {
    const id = random.bytes(32);
    id.fill(0, 0, 4);
    return id;
  });
  const set = createIdSet(ids.map((id) => ({ time: 1n, id })));
  expect(set.size).toBe(20_000);
  expect(ids.every((id) => set.has(id))).toBe(true);
});
