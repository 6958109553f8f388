import type { MultiaddrConnection, StreamMuxer } from "@libp2p/interface";
import { expect, test } from "vitest";
import { silentLog } from "@shoal/shared/base/log.ts";
import { steadyMuxer } from "@shoal/node/network/libp2p/muxer.ts";
import { onUncaught } from "@shoal/node/network/libp2p/strays.ts";

class StreamStateError extends Error {
  override name = "StreamStateError";
}

/** A muxer that writes to `connection` as the library's does: whatever that throws is thrown. */
function muxerOn(status: string) {
  const connection = { status } as MultiaddrConnection;
  const ended: Error[] = [];
  const raw = {
    send(): boolean {
      throw new StreamStateError("Cannot write to a stream that is closed");
    },
    abort: (error: Error) => void ended.push(error),
  };
  const factory = steadyMuxer(() => ({ protocol: "/test", createStreamMuxer: () => raw as unknown as StreamMuxer }));
  const muxer = factory(undefined).createStreamMuxer(connection) as unknown as typeof raw;
  return { muxer, ended };
}

test("what cannot be written since the connection is gone ends the muxer, and is not thrown", () => {
  const { muxer, ended } = muxerOn("closed");
  expect(muxer.send()).toBe(false);
  expect(ended).toHaveLength(1);
});

test("a fault on an open connection is seen", () => {
  const { muxer, ended } = muxerOn("open");
  expect(() => muxer.send()).toThrow("Cannot write");
  expect(ended).toHaveLength(0);
});

test("a stream's end outlives its library's slip; anything else that nobody caught ends the program", () => {
  let ends = 0;
  const uncaught = onUncaught(silentLog, () => (ends += 1));
  uncaught(new StreamStateError("Cannot write to a stream that is closed"));
  expect(ends).toBe(0);
  uncaught(new TypeError("x is not a function"));
  uncaught("a text");
  expect(ends).toBe(2);
});
