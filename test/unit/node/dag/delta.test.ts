import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { decodeDelta, deltaIdOf, encodeDelta, MAX_PARENTS, type Delta, type DeltaBody } from "@shoal/node/dag/delta.ts";
import { compareHlc, isAhead, MAX_DRIFT_NS, ntp64, tick } from "@shoal/node/dag/hlc.ts";

const filled = (value: number): Uint8Array => new Uint8Array(32).fill(value);
const body: DeltaBody = {
  context: filled(1),
  parents: [filled(2), filled(3)],
  artifact: Uint8Array.of(0, 0, 0, 0, 0),
  hlc: { time: 5n, node: 6n },
  expectedRoot: filled(7),
  author: filled(8),
  position: [filled(10), filled(11)],
  events: [
    { kind: "made", data: Uint8Array.of(1), handler: "on_made" },
    { kind: "told", data: new Uint8Array() },
  ],
};
const delta: Delta = { ...body, id: deltaIdOf(body), signature: new Uint8Array(64).fill(9) };

test("a delta is read as it was written, with the id of what it says", () => {
  expect(decodeDelta(encodeDelta(delta))).toEqual(delta);
});

test("the id covers every part of a delta but its signature", () => {
  const parts: DeltaBody[] = [
    body,
    { ...body, context: filled(9) },
    { ...body, parents: [filled(2)] },
    { ...body, artifact: Uint8Array.of(1) },
    { ...body, hlc: { time: 6n, node: 6n } },
    { ...body, hlc: { time: 5n, node: 7n } },
    { ...body, expectedRoot: filled(9) },
    { ...body, author: filled(9) },
    { ...body, position: [filled(10)] },
    { ...body, events: [] },
  ];
  const ids = parts.map((each) => Buffer.from(deltaIdOf(each)).toString("hex"));
  expect(new Set(ids).size).toBe(parts.length);
  expect(Buffer.from(decodeDelta(encodeDelta({ ...delta, signature: new Uint8Array(64) })).id).toString("hex")).toBe(
    ids[0],
  );
});

test("refuses whatever is not exactly one delta", () => {
  const bytes = encodeDelta(delta);
  for (let length = 0; length < bytes.length; length++)
    expect(() => decodeDelta(bytes.subarray(0, length))).toThrow(ShoalError);
  expect(() => decodeDelta(Buffer.concat([bytes, Uint8Array.of(0)]))).toThrow(/after the end/);
  expect(() => decodeDelta(Uint8Array.of(9))).toThrow(/version/);
  const many = { ...body, parents: Array.from({ length: MAX_PARENTS + 1 }, (_, at) => filled(at)) };
  expect(() => decodeDelta(encodeDelta({ ...delta, ...many }))).toThrow(/at most 100 parents/);
});

test("stamps grow whatever the clock does, and follow it when it is ahead", () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt(0n, 4_000_000_000n * 1_000_000_000n)), (times) => {
      let last = { time: 0n, node: 1n };
      for (const ns of times) {
        const next = tick(last, ns);
        expect(compareHlc(next, last)).toBe(1);
        expect(next.time >= ntp64(ns)).toBe(true);
        last = next;
      }
    }),
  );
  expect(ntp64(1_500_000_000n) >> 32n).toBe(1n);
  expect(compareHlc({ time: 1n, node: 1n }, { time: 1n, node: 2n })).toBe(-1);
  expect(isAhead({ time: ntp64(MAX_DRIFT_NS + 2_000_000n), node: 1n }, 0n)).toBe(true);
  expect(isAhead({ time: ntp64(MAX_DRIFT_NS), node: 1n }, 0n)).toBe(false);
});
