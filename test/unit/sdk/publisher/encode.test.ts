/** A payload's JSON, and what has none. */
import { expect, test } from "vitest";
import { MAX_MESSAGE_BYTES, payloadOf } from "@shoal/processor/publisher/event.ts";
import { encodeJson } from "@shoal/processor/publisher/json.ts";

test("dates, maps and sets have a shape in JSON, at any depth", () => {
  const value = {
    at: new Date("2026-01-02T03:04:05.006Z"),
    map: new Map<string, unknown>([["a", new Set([1, 2])]]),
    list: [new Set(["x"])],
  };
  expect(encodeJson(value)).toBe('{"at":"2026-01-02T03:04:05.006Z","map":{"a":[1,2]},"list":[["x"]]}');
});

const circle: Record<string, unknown> = {};
circle["self"] = circle;
const circleOfMaps = new Map<string, unknown>();
circleOfMaps.set("self", circleOfMaps);

test.each([
  ["a BigInt", { deep: { n: 1n } }, /BigInt/],
  ["a circle", circle, /circular/i],
  ["a circle through maps", { circleOfMaps }, /contains itself/],
  [
    "a date that is none",
    {
      at: new Date(Number.NaN),
      f: {
        toJSON: () => {
          throw new Error("no such thing");
        },
      },
    },
    /no such thing/,
  ],
])("%s is refused", (_, payload, why) => {
  expect(() => payloadOf({ eventType: "a", payload })).toThrow(
    expect.objectContaining({ code: "invalid_argument", message: expect.stringMatching(why) as string }),
  );
});

test("a payload is an object, whatever its type says", () => {
  for (const payload of [[], 1, undefined, null, "text"] as unknown as Record<string, unknown>[])
    expect(() => payloadOf({ eventType: "a", payload })).toThrow(expect.objectContaining({ field: "payload" }));
});

test("the largest payload is the limit", () => {
  const payloadWith = (length: number): { text: string } => ({ text: "x".repeat(length) });
  const room = MAX_MESSAGE_BYTES - '{"text":""}'.length;
  expect(payloadOf({ eventType: "a", payload: payloadWith(room) })).toHaveLength(MAX_MESSAGE_BYTES);
  expect(() => payloadOf({ eventType: "a", payload: payloadWith(room + 1) })).toThrow(
    expect.objectContaining({ code: "payload_too_large", field: "payload" }),
  );
});
