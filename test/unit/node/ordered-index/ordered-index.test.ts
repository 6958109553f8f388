import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openOrderedIndex, type OrderedIndex } from "@shoal/node/storage/ordered-index/index.ts";
import { bytesOf, PAGE_BYTES, readPage } from "@shoal/node/storage/ordered-index/page.ts";
import { memoryRows, type MemoryRows } from "../crdt/memory-rows.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const number = (value: number): Uint8Array => utf8(String(value).padStart(8, "0"));
const none = new Uint8Array();

class Model {
  readonly entries: [Uint8Array, Uint8Array][] = [];

  set(key: Uint8Array, value: Uint8Array): void {
    this.remove(key);
    this.entries.push([key, value]);
    this.entries.sort(([a], [b]) => Buffer.compare(a, b));
  }
  remove(key: Uint8Array): boolean {
    return this.drop((other) => Buffer.compare(other, key) === 0) > 0;
  }
  removePrefix(prefix: Uint8Array): number {
    return this.drop((key) => Buffer.compare(key.subarray(0, prefix.length), prefix) === 0);
  }
  range(lo: Uint8Array, hi: Uint8Array): [Uint8Array, Uint8Array][] {
    return this.entries.filter(
      ([key]) => Buffer.compare(key, lo) >= 0 && (hi.length === 0 || Buffer.compare(key, hi) < 0),
    );
  }
  drop(matches: (key: Uint8Array) => boolean): number {
    const before = this.entries.length;
    const kept = this.entries.filter(([key]) => !matches(key));
    this.entries.splice(0, before, ...kept);
    return before - kept.length;
  }
}

const plain = (entries: readonly (readonly [Uint8Array, Uint8Array])[]): unknown =>
  entries.map(([key, value]) => [Buffer.from(key).toString("hex"), Buffer.from(value).toString("hex")]);

function checkPages(rows: MemoryRows): number {
  let pages = 0;
  for (const [key, value] of rows.entries()) {
    if (key[0] !== 0x70) continue;
    pages += 1;
    const page = readPage(0, value);
    if (bytesOf(page) <= PAGE_BYTES) continue;
    expect(page.kind === "leaf" ? page.keys.length : page.children.length).toBeLessThanOrEqual(
      page.kind === "leaf" ? 1 : 3,
    );
  }
  return pages;
}

const keys = fc.oneof(
  fc.uint8Array({ maxLength: 3 }),
  fc.nat(300).map(number),
  fc.tuple(fc.nat(9), fc.nat(700)).map(([letter, length]) => new Uint8Array(length).fill(letter)),
);
const values = fc.oneof(
  { weight: 9, arbitrary: fc.nat(200).map((length) => new Uint8Array(length).fill(7)) },
  { weight: 1, arbitrary: fc.nat(9000).map((length) => new Uint8Array(length)) },
);
const calls = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: fc.record({ call: fc.constant("set" as const), key: keys, value: values }) },
    { weight: 5, arbitrary: fc.record({ call: fc.constant("remove" as const), key: keys }) },
    {
      weight: 1,
      arbitrary: fc.record({ call: fc.constant("removePrefix" as const), key: fc.uint8Array({ maxLength: 2 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        call: fc.constant("scan" as const),
        key: keys,
        hi: keys,
        offset: fc.nat(80),
        limit: fc.nat(80),
      }),
    },
    { weight: 1, arbitrary: fc.record({ call: fc.constant("reopen" as const) }) },
  ),
  { maxLength: 400, size: "max" },
);

test("answers as a sorted array does, whatever is called, reopened or not; pages stay bounded", () => {
  fc.assert(
    fc.property(calls, (sequence) => {
      const rows = memoryRows();
      const model = new Model();
      let index: OrderedIndex = openOrderedIndex(rows);
      for (const step of sequence) {
        if (step.call === "set") {
          index.set(step.key, step.value);
          model.set(step.key, step.value);
          expect(index.get(step.key)).toEqual(step.value);
        } else if (step.call === "remove") {
          expect(index.remove(step.key)).toBe(model.remove(step.key));
          expect(index.get(step.key)).toBeUndefined();
        } else if (step.call === "removePrefix") {
          expect(index.removePrefix(step.key)).toBe(model.removePrefix(step.key));
        } else if (step.call === "scan") {
          const expected = model.range(step.key, step.hi);
          const { offset, limit } = step;
          expect(plain(index.scan(step.key, step.hi, offset, limit))).toEqual(
            plain(expected.slice(offset, offset + limit)),
          );
          expect(plain([index.last(step.key, step.hi)].filter((entry) => entry !== undefined))).toEqual(
            plain(expected.slice(-1)),
          );
        } else {
          index.flush();
          checkPages(rows);
          index = openOrderedIndex(rows);
        }
      }
      expect(plain(index.scan(none, none, 0, 1e6))).toEqual(plain(model.entries));
      index.removePrefix(none);
      index.flush();
      expect(checkPages(rows), "leaves no page behind").toBe(0);
    }),
    { numRuns: 120 },
  );
}, 60_000);

test("skips by counts: an offset reads as many pages as the tree is high", () => {
  const rows = memoryRows();
  const index = openOrderedIndex(rows);
  for (let at = 0; at < 20_000; at++) index.set(number((at * 7919) % 20_000), utf8("value"));
  index.flush();
  const fresh = openOrderedIndex(rows);
  const before = rows.reads;
  expect(fresh.scan(none, none, 15_000, 2).map(([key]) => Buffer.from(key).toString())).toEqual([
    "00015000",
    "00015001",
  ]);
  expect(rows.reads - before).toBeLessThan(8);
});

test("long keys that share their beginning keep inner pages small", () => {
  const rows = memoryRows();
  const index = openOrderedIndex(rows);
  const long = (at: number): Uint8Array => Buffer.concat([number(at), new Uint8Array(2000)]);
  for (let at = 0; at < 500; at++) index.set(long(at), none);
  index.flush();
  let inner = 0;
  for (const [key, value] of rows.entries()) {
    if (key[0] !== 0x70) continue;
    const page = readPage(0, value);
    if (page.kind === "inner") inner = Math.max(inner, bytesOf(page) / page.children.length);
  }
  expect(inner).toBeGreaterThan(0);
  expect(inner).toBeLessThan(32);
});

test("a run that does not flush leaves the rows as they were, and meta values stand beside the entries", () => {
  const rows = memoryRows();
  const index = openOrderedIndex(rows);
  index.set(utf8("a"), utf8("1"));
  expect([...rows.entries()]).toEqual([]);
  index.metaSet(utf8("a"), utf8("meta"));
  expect(index.metaGet(utf8("a"))).toEqual(utf8("meta"));
  index.flush();
  expect(plain(openOrderedIndex(rows).scan(none, none, 0, 10))).toEqual(plain([[utf8("a"), utf8("1")]]));
  index.metaClear(utf8("a"));
  expect(index.metaGet(utf8("a"))).toBeUndefined();
});

test("says which page the store lost", () => {
  const rows = memoryRows();
  const index = openOrderedIndex(rows);
  for (let at = 0; at < 2000; at++) index.set(number(at), utf8("value"));
  index.flush();
  const [lost] = [...rows.entries()].filter(([key]) => key[0] === 0x70);
  rows.remove(lost![0]);
  expect(() => openOrderedIndex(rows).scan(none, none, 0, 5000)).toThrow(/page \d+ of the ordered index is missing/);
});

test("a tree of several levels answers as a sorted array does while whole ranges go and come back", () => {
  const rows = memoryRows();
  let index = openOrderedIndex(rows);
  const model = new Map<string, number>();
  const keysOf = (lo: string, hi: string): string[] =>
    [...model.keys()].filter((key) => key >= lo && (hi === "" || key < hi)).sort();
  for (let at = 0; at < 30_000; at++) {
    index.set(number(at), number(at));
    model.set(String(at).padStart(8, "0"), at);
  }
  fc.assert(
    fc.property(
      fc.nat(2999),
      fc.nat(3),
      fc.nat(29_999),
      fc.nat(29_999),
      fc.nat(20_000),
      (prefix, cut, lo, hi, offset) => {
        const text = String(prefix)
          .padStart(7, "0")
          .slice(0, 7 - cut);
        const gone = keysOf(text, "").filter((key) => key.startsWith(text));
        expect(index.removePrefix(utf8(text))).toBe(gone.length);
        for (const key of gone) model.delete(key);
        for (let at = lo; at < lo + 300; at++) {
          index.set(number(at), number(at));
          model.set(String(at).padStart(8, "0"), at);
        }
        index.flush();
        checkPages(rows);
        index = openOrderedIndex(rows);
        const expected = keysOf(String(lo).padStart(8, "0"), String(hi).padStart(8, "0"));
        const found = index.scan(number(lo), number(hi), offset, 50).map(([key]) => Buffer.from(key).toString());
        expect(found).toEqual(expected.slice(offset, offset + 50));
        const last = index.last(number(lo), number(hi));
        expect(last && Buffer.from(last[0]).toString()).toBe(expected.at(-1));
      },
    ),
    { numRuns: 40 },
  );
});
