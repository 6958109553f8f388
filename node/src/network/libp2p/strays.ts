/**
 * The second line behind `muxer.ts`: errors that the library throws where nobody can catch them, because a stream or connection
 * ended at that moment. They are the end of a stream, not of a node; every other uncaught error ends the process, as it should.
 */
import type { Log } from "@shoal/shared/base/log.ts";

const STRAYS = new Set([
  "StreamStateError",
  "StreamResetError",
  "StreamAbortedError",
  "StreamClosedError",
  "ConnectionClosedError",
  "ConnectionClosingError",
  "MuxerClosedError",
]);

export const isStray = (thrown: unknown): thrown is Error => thrown instanceof Error && STRAYS.has(thrown.name);

/** What a program does with an error that nobody caught; `end` is how it ends. */
export function onUncaught(log: Log, end: () => void): (thrown: unknown) => void {
  return (thrown) => {
    if (isStray(thrown)) {
      log.warn({ err: thrown }, "a stream ended where the network's library was not looking");
      return;
    }
    log.error({ err: thrown }, "uncaught: the node ends");
    end();
  };
}
