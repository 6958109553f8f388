import * as borsh from "borsh";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BorshReader, BorshWriter } from "@shoal/node/model/borsh.ts";

const U64 = 2n ** 64n - 1n;
const SCHEMA: borsh.Schema = {
  struct: {
    a: "u8",
    b: "u32",
    c: "u64",
    d: "u128",
    e: "bool",
    f: "string",
    g: { array: { type: "u8" } },
    h: { array: { type: "u8", len: 4 } },
    i: { option: "u64" },
    j: { array: { type: "string" } },
  },
};
const values = fc.record({
  a: fc.nat(255),
  b: fc.nat(0xffff_ffff),
  c: fc.bigInt(0n, U64),
  d: fc.bigInt(0n, 2n ** 128n - 1n),
  e: fc.boolean(),
  f: fc.string({ unit: "grapheme" }),
  g: fc.uint8Array({ maxLength: 3000 }),
  h: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  i: fc.option(fc.bigInt(0n, U64), { nil: undefined }),
  j: fc.array(fc.string(), { maxLength: 5 }),
});

test("writes what the library writes, and reads it back", () => {
  fc.assert(
    fc.property(values, (value) => {
      const written = new BorshWriter()
        .u8(value.a)
        .u32(value.b)
        .u64(value.c)
        .u128(value.d)
        .bool(value.e)
        .string(value.f)
        .bytes(value.g)
        .fixed(value.h)
        .option(value.i, (writer, each) => writer.u64(each))
        .vec(value.j, (writer, each) => writer.string(each))
        .done();
      const { i, ...others } = value;
      expect(written).toEqual(borsh.serialize(SCHEMA, { ...others, i: i ?? null }));
      const reader = new BorshReader(written);
      expect(reader.u8()).toBe(value.a);
      expect(reader.u32()).toBe(value.b);
      expect(reader.u64()).toBe(value.c);
      expect(reader.u128()).toBe(value.d);
      expect(reader.bool()).toBe(value.e);
      expect(reader.string()).toBe(value.f);
      expect(reader.bytes()).toEqual(value.g);
      expect(reader.fixed(4)).toEqual(value.h);
      expect(reader.option((inner) => inner.u64())).toBe(i);
      expect(reader.vec((inner) => inner.string())).toEqual(value.j);
      expect(() => reader.end()).not.toThrow();
    }),
  );
});

test("writers that are used within one another do not share memory", () => {
  const outer = new BorshWriter().string("outer");
  const inner = new BorshWriter().string("inner").done();
  const other = new BorshWriter().string("other");
  const written = new BorshReader(outer.string("end").done());
  expect([written.string(), written.string()]).toEqual(["outer", "end"]);
  expect(new BorshReader(inner).string()).toBe("inner");
  expect(new BorshReader(other.done()).string()).toBe("other");
});

describe("refuses", () => {
  const read = (bytes: number[], call: (reader: BorshReader) => unknown) => () =>
    call(new BorshReader(Uint8Array.from(bytes)));

  test("bytes that end too early, saying where", () => {
    expect(read([1, 2], (reader) => reader.u32())).toThrow("4 bytes expected at 0, 2 left");
    expect(read([], (reader) => reader.u8())).toThrow("1 bytes expected at 0, 0 left");
    expect(read([5, 0, 0, 0, 1], (reader) => reader.bytes())).toThrow("5 bytes expected at 4, 1 left");
  });

  test("absurd lengths, without making room for them", () => {
    const before = process.memoryUsage().arrayBuffers;
    expect(read([255, 255, 255, 255], (reader) => reader.bytes())).toThrow(/4294967295 bytes expected/);
    expect(read([255, 255, 255, 255, 1], (reader) => reader.vec((inner) => inner.u8()))).toThrow(/expected at 5/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  test("unknown tags, text that is no UTF-8, and what follows the end", () => {
    expect(read([2], (reader) => reader.bool())).toThrow("a tag below 2 expected at 0, not 2");
    expect(read([1, 0, 0, 0, 0xff], (reader) => reader.string())).toThrow("text at 0 is not UTF-8");
    expect(read([1, 2], (reader) => reader.end())).toThrow("2 bytes after the end");
  });
});
