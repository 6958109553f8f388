/** What is written is read again, and no bytes make the readers do anything but read or refuse. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AmqpError } from "@shoal/emulator/bus/wire/errors.ts";
import { Reader, Writer, type Field, type Table } from "@shoal/emulator/bus/wire/fields.ts";
import { contentFrames, FrameSplitter, methodFrame } from "@shoal/emulator/bus/wire/frames.ts";
import { METHODS, readMethod, writeMethod, type MethodName } from "@shoal/emulator/bus/wire/methods.ts";
import { readProperties, writeProperties } from "@shoal/emulator/bus/wire/properties.ts";

const bytes = fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each));
const name = fc.string({ maxLength: 20, unit: "grapheme" }).filter((each) => Buffer.byteLength(each) < 256);
const { table } = fc.letrec<{ table: Table; field: Field }>((tie) => ({
  table: fc.array(fc.tuple(name, tie("field")), { maxLength: 5 }).map((entries) => new Map(entries)),
  field: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant<Field>({ type: "V" }),
    fc.boolean().map((value): Field => ({ type: "t", value })),
    fc.integer({ min: -128, max: 127 }).map((value): Field => ({ type: "b", value })),
    fc.integer({ min: 0, max: 255 }).map((value): Field => ({ type: "B", value })),
    fc.integer({ min: -32_768, max: 32_767 }).map((value): Field => ({ type: "s", value })),
    fc.integer({ min: 0, max: 65_535 }).map((value): Field => ({ type: "u", value })),
    fc.integer().map((value): Field => ({ type: "I", value })),
    fc.nat({ max: 2 ** 32 - 1 }).map((value): Field => ({ type: "i", value })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): Field => ({ type: "l", value })),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value): Field => ({ type: "T", value })),
    fc.float({ noNaN: true }).map((value): Field => ({ type: "f", value })),
    fc.double({ noNaN: true }).map((value): Field => ({ type: "d", value })),
    fc.tuple(fc.nat(255), fc.integer()).map(([scale, value]): Field => ({ type: "D", scale, value })),
    bytes.map((value): Field => ({ type: "S", value })),
    bytes.map((value): Field => ({ type: "x", value })),
    fc.array(tie("field"), { maxLength: 4 }).map((value): Field => ({ type: "A", value })),
    tie("table").map((value): Field => ({ type: "F", value })),
  ),
}));

describe("a table", () => {
  test("of any fields is read as it was written", () => {
    fc.assert(
      fc.property(table, (value) => {
        const writer = new Writer();
        writer.table(value);
        expect(new Reader(Buffer.from(writer.done())).table()).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  test("nested to exhaust the stack is refused", () => {
    let value: Field = { type: "V" };
    for (let depth = 0; depth < 200; depth++) value = { type: "A", value: [value] };
    const writer = new Writer();
    writer.table(new Map([["deep", value]]));
    expect(() => new Reader(Buffer.from(writer.done())).table()).toThrow(/nested deeper/);
  });
});

const VALUES = {
  octet: fc.nat(255),
  short: fc.nat(65_535),
  long: fc.nat({ max: 2 ** 32 - 1 }),
  longlong: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  bit: fc.boolean(),
  shortstr: name,
  longstr: bytes,
  table,
};

test.each(Object.keys(METHODS) as MethodName[])("%s is read as it was written", (method) => {
  const fields = Object.entries<keyof typeof VALUES>(METHODS[method].fields);
  const args = fc.record(Object.fromEntries(fields.map(([field, type]) => [field, VALUES[type]])));
  fc.assert(
    fc.property(args, (value) => {
      const writer = new Writer();
      writeMethod(writer, method, value as never);
      expect(readMethod(Buffer.from(writer.done()))).toEqual({ name: method, args: value });
    }),
    { numRuns: 30 },
  );
});

test("properties keep to themselves which are there", () => {
  const all = {
    contentType: "a",
    headers: new Map(),
    deliveryMode: 2,
    priority: 0,
    expiration: "5",
    timestamp: 0n,
    clusterId: "z",
  };
  expect(readProperties(Buffer.from(writeProperties(all)))).toEqual(all);
  expect(readProperties(Buffer.from(writeProperties({})))).toEqual({});
});

describe("the splitter", () => {
  const frames = Buffer.concat([
    methodFrame(1, "basic.qos", { size: 0, count: 5, global: false }),
    contentFrames(1, writeProperties({ messageId: "m" }), Buffer.alloc(10_000, 7), 4096),
  ]);

  test("finds the same frames however the bytes are cut", () => {
    const whole = collect([frames], 4096);
    expect(whole.length).toBe(1 + 1 + 3);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < frames.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          chunks.push(frames.subarray(at, at + size));
          at += size;
        }
        expect(collect(chunks, 4096)).toEqual(whole);
      }),
    );
  });

  test("refuses a frame above its bound before it has come", () => {
    const splitter = new FrameSplitter(4096);
    splitter.push(Buffer.from([1, 0, 0, 0x7f, 0xff, 0xff, 0xff]));
    expect(() => splitter.next()).toThrow(/frame-max/);
  });
});

function collect(chunks: readonly Buffer[], frameMax: number): unknown[] {
  const splitter = new FrameSplitter(frameMax);
  const found: unknown[] = [];
  for (const chunk of chunks) {
    splitter.push(chunk);
    for (let frame = splitter.next(); frame !== undefined; frame = splitter.next())
      found.push({ ...frame, payload: frame.payload.toString("hex") });
  }
  return found;
}

test("whatever bytes a method frame holds, it is read or refused", () => {
  const ids = Object.values(METHODS).map(({ classId, methodId }) => [0, classId, 0, methodId]);
  fc.assert(
    fc.property(fc.constantFrom(...ids), fc.uint8Array({ maxLength: 80 }), (id, rest) => {
      try {
        readMethod(Buffer.from([...id, ...rest]));
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(AmqpError);
      }
    }),
    { numRuns: 3000 },
  );
});
