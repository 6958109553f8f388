import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "@shoal/node/model/sha256.ts";
import { expectedRoot } from "@shoal/node/storage/merkle/recompute.ts";
import { ROW } from "@shoal/node/storage/merkle/row-keys.ts";
import { Trie } from "@shoal/node/storage/merkle/trie.ts";
import { memoryRows, type MemoryRows } from "../crdt/memory-rows.ts";

const owner = new Uint8Array(32).fill(5);
const idOf = (n: number): Uint8Array => sha256(Uint8Array.of(n & 0xff, n >>> 8, n >>> 16));
/** Ids that differ late, so that branches stand deep. */
const nearId = (n: number): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, at) => (at === 20 ? n & 0xff : at === 21 ? n >>> 8 : 0));
const hashOf = (n: number): Uint8Array => new Uint8Array(32).fill(n & 0xff);
const hex = (bytes: Uint8Array | undefined): string => (bytes === undefined ? "" : Buffer.from(bytes).toString("hex"));
const open = (rows: MemoryRows): Trie => new Trie(rows, ROW.node, owner);
const content = (rows: MemoryRows): unknown => [...rows.entries()].map(([key, value]) => [hex(key), hex(value)]);

const calls = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ call: fc.constant("set" as const), n: fc.nat(120), hash: fc.nat(5) }) },
    { weight: 5, arbitrary: fc.record({ call: fc.constant("remove" as const), n: fc.nat(120) }) },
    { weight: 1, arbitrary: fc.record({ call: fc.constant("reopen" as const) }) },
  ),
  { maxLength: 400, size: "max" },
);

describe.each([
  ["spread", idOf],
  ["close", nearId],
])("with ids that are %s", (_name, id) => {
  test("depends on the set alone: hash, rows, count and order, whatever was added and removed before", () => {
    fc.assert(
      fc.property(calls, (sequence) => {
        const rows = memoryRows();
        const model = new Map<string, { id: Uint8Array; hash: Uint8Array }>();
        let trie = open(rows);
        for (const step of sequence) {
          if (step.call === "set") {
            trie.set(id(step.n), hashOf(step.hash));
            model.set(hex(id(step.n)), { id: id(step.n), hash: hashOf(step.hash) });
          } else if (step.call === "remove") {
            trie.remove(id(step.n));
            model.delete(hex(id(step.n)));
          } else {
            trie.flush();
            trie = open(rows);
          }
          expect(trie.count).toBe(model.size);
        }
        const sorted = [...model.keys()].sort();
        expect([...trie.ids()].map(hex)).toEqual(sorted);
        for (const rank of [0, 1, sorted.length >>> 1, sorted.length - 1, sorted.length]) {
          expect(hex(trie.at(rank))).toBe(sorted[rank] ?? "");
        }
        const prefix = sorted[0]?.slice(0, 3) ?? "abc";
        expect([...trie.idsWith(prefix)].map(hex)).toEqual(sorted.filter((each) => each.startsWith(prefix)));
        const root = trie.flush();
        expect(hex(root)).toBe(hex(expectedRoot([...model.values()])));
        const direct = memoryRows();
        const fresh = open(direct);
        for (const leaf of model.values()) fresh.set(leaf.id, leaf.hash);
        fresh.flush();
        expect(content(rows)).toEqual(content(direct));
      }),
      { numRuns: 80 },
    );
  });
});

test("a write touches a few rows more at 100,000 entries than at 1,000", () => {
  const touched = (entries: number): number => {
    const rows = memoryRows();
    const trie = open(rows);
    for (let n = 0; n < entries; n++) trie.set(idOf(n), hashOf(n));
    trie.flush();
    let rowsTouched = 0;
    for (let n = 0; n < 200; n++) {
      const { reads, writes } = rows;
      const run = open(rows);
      run.set(idOf(entries + n), hashOf(n));
      run.flush();
      rowsTouched += rows.reads - reads + rows.writes - writes;
    }
    return rowsTouched / 200;
  };
  // Two levels more, each read and written; now and then a bucket splits into many.
  expect(touched(100_000) - touched(1000)).toBeLessThanOrEqual(5);
});

test("a run hashes and writes a node once, however often it changed", () => {
  const rows = memoryRows();
  const trie = open(rows);
  for (let round = 0; round < 50; round++) for (let n = 0; n < 10; n++) trie.set(idOf(n), hashOf(round));
  trie.flush();
  expect(rows.writes).toBe(1);
});
