/** Pages of a snapshot: what is read is what was written, or it is refused. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { idOf, type Hash } from "@shoal/node/model/ids.ts";
import type { SnapshotBoundary, StateRow } from "@shoal/node/sync/protocols/contract.ts";
import { BorshWriter } from "@shoal/node/model/borsh.ts";
import { MAX_PAGE } from "@shoal/node/sync/protocols/page.ts";
import {
  decodeBoundary,
  decodeIdKey,
  decodeIdsPage,
  decodeRowsPage,
  encodeBoundary,
  encodeIdKey,
  encodeIdsPage,
  encodeRowsPage,
} from "@shoal/node/sync/protocols/snapshot.ts";
import { describe, expect, test } from "vitest";
import { id } from "../crdt/histories.ts";
import { Replica, utf8 } from "../crdt/replica.ts";

const replica = new Replica(1);
replica.run((c) => {
  c.map.createWithId(id);
  for (let n = 0; n < 400; n++) c.map.insert(id, utf8(`key${n}`), utf8(`value ${n}`));
});
const rows: readonly StateRow[] = [...replica.rows.entries()].map(([key, value]) => ({
  key: Uint8Array.from(key),
  value: Uint8Array.from(value),
}));
const items = Array.from({ length: 500 }, (_, n) => ({ time: BigInt(n >> 1), id: new Uint8Array(32).fill(n % 2) }));
const bytes = ({ key, value }: StateRow): [string, string] => [
  Buffer.from(key).toString("hex"),
  Buffer.from(value).toString("hex"),
];

test("rows and ids come out as they went in, smaller on the way", () => {
  const page = encodeRowsPage(rows);
  expect(decodeRowsPage(page).map(bytes)).toEqual(rows.map(bytes));
  const size = rows.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  expect(page.length).toBeLessThan(size * 0.8);
  expect(decodeRowsPage(encodeRowsPage([]))).toEqual([]);
  expect(decodeIdsPage(encodeIdsPage(items))).toEqual(items);
  expect(decodeIdKey(encodeIdKey(items[9]!))).toEqual(items[9]);
});

test("what does not shrink is not packed", () => {
  const value = Buffer.alloc(100_000);
  for (let at = 0, state = 1; at < value.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    value[at] = state >>> 24;
  }
  const page = encodeRowsPage([{ key: utf8("k"), value }]);
  expect(page.length).toBeLessThan(value.length + 100);
  expect(Buffer.from(decodeRowsPage(page)[0]!.value)).toEqual(value);
});

test("a flipped bit is found, wherever it is", () => {
  for (const page of [encodeRowsPage(rows), encodeRowsPage(rows.slice(0, 1)), encodeIdsPage(items)]) {
    const step = Math.max(1, Math.floor(page.length / 500));
    for (let at = 0; at < page.length; at += step) {
      const spoilt = Uint8Array.from(page);
      spoilt[at]! ^= 1 << (at % 8);
      expect(() => [decodeRowsPage(spoilt), decodeIdsPage(spoilt)], `byte ${at}`).toThrow(ShoalError);
    }
  }
});

describe("a page that is larger than it may be", () => {
  test("is refused by what it announces, before it is unpacked", () => {
    const bomb = new BorshWriter().u8(1).u32(0xffff_ffff).fixed(new Uint8Array(32)).bytes(new Uint8Array(1000)).done();
    expect(() => decodeRowsPage(bomb)).toThrow(expect.objectContaining({ code: "payload_too_large" }));
  });

  test("is refused where it unpacks to more than it announces", () => {
    const page = encodeRowsPage([{ key: utf8("k"), value: new Uint8Array(3_000_000) }]);
    const understated = Uint8Array.from(page);
    new DataView(understated.buffer).setUint32(1, 100_000, true);
    expect(() => decodeRowsPage(understated)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  test("may hold one large row, and no more", () => {
    const large = { key: utf8("large"), value: new Uint8Array(MAX_PAGE + 1) };
    expect(decodeRowsPage(encodeRowsPage([large]))[0]!.value).toHaveLength(MAX_PAGE + 1);
    expect(() => encodeRowsPage([{ key: utf8("a"), value: utf8("b") }, large])).toThrow(/page of at most/);
  });
});

test("rows and ids out of order, or twice, are refused", () => {
  expect(() => decodeRowsPage(encodeRowsPage([rows[1]!, rows[0]!]))).toThrow(/ascending/);
  expect(() => decodeRowsPage(encodeRowsPage([rows[0]!, rows[0]!]))).toThrow(/ascending/);
  expect(() => decodeIdsPage(encodeIdsPage([items[3]!, items[2]!]))).toThrow(/order/);
  expect(() => decodeIdsPage(encodeIdsPage([items[3]!, items[3]!]))).toThrow(/order/);
});

test("a boundary comes out as it went in, and nothing else is one", () => {
  const boundary: SnapshotBoundary = {
    root: idOf<Hash>(new Uint8Array(32).fill(3)),
    heads: [utf8("a delta"), utf8("another")],
    layout: "guest",
    deltas: 12,
    applicationId: "app",
    version: "1.2.3",
    appKey: "ab".repeat(32),
    moved: { time: "77", id: idOf<Hash>(new Uint8Array(32).fill(4)) },
    service: "main",
  };
  const written = encodeBoundary(boundary);
  expect(decodeBoundary(written)).toEqual(boundary);
  for (let length = 0; length < written.length; length++) {
    expect(() => decodeBoundary(written.subarray(0, length))).toThrow(
      expect.objectContaining({ code: "invalid_argument" }),
    );
  }
  const many = Uint8Array.from(written);
  new DataView(many.buffer).setUint32(32, 0xffff_ffff, true);
  expect(() => decodeBoundary(many)).toThrow(/at most/);
});
