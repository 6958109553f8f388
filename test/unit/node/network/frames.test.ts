import { describe, expect, test } from "vitest";
import { array, assert, integer, property, uint8Array } from "fast-check";
import { createFrames, HEADER_BYTES, headerOf } from "@shoal/node/network/libp2p/frames.ts";

describe("frames", () => {
  test("come out as they went in, however the bytes are cut", () => {
    assert(
      property(array(uint8Array({ maxLength: 300 })), array(integer({ min: 1, max: 97 })), (sent, cuts) => {
        const bytes = Buffer.concat(sent.flatMap((frame) => [headerOf(frame.length), frame]));
        const frames = createFrames(300);
        const got: Uint8Array[] = [];
        for (let at = 0, n = 0; at < bytes.length; n += 1) {
          const size = cuts[n % Math.max(1, cuts.length)] ?? bytes.length;
          got.push(...(frames.push(bytes.subarray(at, at + size)) ?? []));
          at += size;
        }
        expect(got.map((frame) => [...frame])).toEqual(sent.map((frame) => [...frame]));
        expect(frames.pending).toBe(0);
      }),
    );
  });

  test("a length above the limit is refused before one byte is kept, and for good", () => {
    const frames = createFrames(1000);
    expect(frames.push(headerOf(2 ** 30))).toBeUndefined();
    expect(frames.pending).toBe(HEADER_BYTES);
    expect(frames.push(new Uint8Array(10))).toBeUndefined();
  });

  test("the limit itself is allowed", () => {
    const frames = createFrames(1000);
    expect(frames.push(headerOf(1000))).toEqual([]);
    expect(frames.push(new Uint8Array(1000))?.[0]).toHaveLength(1000);
  });
});
