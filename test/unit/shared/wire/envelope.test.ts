import { describe, expect, it } from "vitest";
import {
  asCloudEvent,
  ENVELOPE_VERSION,
  envelopeSchema,
  majorOf,
  outputHeadersSchema,
} from "@shoal/shared/wire/envelope.ts";
import { ROUTING_KEY_MAX_BYTES, routingKeyOf } from "@shoal/shared/wire/routing-key.ts";

const envelope = {
  schema_version: ENVELOPE_VERSION,
  message_id: "018f3c6e-0000-8000-8000-000000000001",
  timestamp: "2026-11-25T06:00:00.000Z",
  payload: { count: 1 },
};
const headers = { processor_id: "cam-1", event_type: "seen", epoch: 3, sequence: 7, geohash: "u4pruydqq" };

describe("the envelope", () => {
  it("reads any UUID version and drops what a later MINOR added", () => {
    expect(envelopeSchema.parse({ ...envelope, schema_version: "0.2", extra: 1 })).toEqual({
      ...envelope,
      schema_version: "0.2",
    });
  });

  it.each([{ message_id: "one" }, { timestamp: "yesterday" }, { payload: [] }, { schema_version: "1" }])(
    "refuses %j",
    (wrong) => {
      expect(envelopeSchema.safeParse({ ...envelope, ...wrong }).success).toBe(false);
    },
  );

  it("knows its MAJOR", () => {
    expect(majorOf("12.3")).toBe(12);
    expect(() => majorOf("v1")).toThrow(expect.objectContaining({ code: "invalid_argument", field: "schema_version" }));
  });

  it("shows itself as a CloudEvent", () => {
    expect(asCloudEvent(envelope, outputHeadersSchema.parse(headers))).toMatchObject({
      specversion: "1.0",
      id: envelope.message_id,
      source: "/processors/cam-1",
      type: "seen",
      subject: "u4pruydqq",
      data: { count: 1 },
    });
  });
});

describe("the routing key", () => {
  it("cuts the geohash to nine characters and into words", () => {
    const parts = { processorId: "cam-1", eventType: "seen", geohash: "u4pruydqqvj" };
    expect(routingKeyOf(parts)).toBe("cam-1.seen.u4pruydqq");
    expect(routingKeyOf({ ...parts, segmentLength: 4 })).toBe("cam-1.seen.u4pr.uydq.q");
    expect(routingKeyOf({ processorId: "cam-1", eventType: "seen" })).toBe("cam-1.seen");
  });

  it("fits the wire at its longest", () => {
    const key = routingKeyOf({
      processorId: "p".repeat(128),
      eventType: "e".repeat(100),
      geohash: "u4pruydqq",
      segmentLength: 1,
    });
    expect(Buffer.byteLength(key)).toBeLessThanOrEqual(ROUTING_KEY_MAX_BYTES);
  });

  it.each([
    ["processor_id", { processorId: "a.b" }],
    ["event_type", { eventType: "#" }],
    ["event_type", { eventType: "e".repeat(101) }],
    ["processor_id", { processorId: "p".repeat(129) }],
    ["geohash", { geohash: "aaa" }],
    ["segment_length", { segmentLength: 0 }],
  ])("names %s where that is at fault", (field, wrong) => {
    const parts = { processorId: "p", eventType: "e", geohash: "u4p", ...wrong };
    expect(() => routingKeyOf(parts)).toThrow(expect.objectContaining({ code: "invalid_argument", field }));
  });
});
