/**
 * A channel over a stream of the library: whole frames in order, and a bound on everything. The stream is read only as far as
 * somebody asks or `SIZES.unread` has room, so that a peer's window fills and it stops; a write waits until the transport has
 * taken it, because the library's own buffer has no end.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { MAX_FRAME, type Channel } from "../contract.ts";
import { deadline } from "./failure.ts";
import { headerOf } from "./frames.ts";
import { Inbox, type InboxParts } from "./inbox.ts";
import { SLOWEST, TIMES } from "./settings.ts";
import { untilWritten } from "./streams.ts";

/** Frames up to this are sent in one piece with their header: one packet instead of two. */
const COPIED = 16 * 1024;

export function createChannel(parts: InboxParts): Channel {
  const { stream, peer, clock } = parts;
  const inbox = new Inbox(parts);
  let last: Promise<unknown> = Promise.resolve();
  let closing: Promise<void> | undefined;
  const gone = (): ShoalError => new ShoalError("unavailable", "the channel has ended");

  const write = async (frame: Uint8Array): Promise<void> => {
    if (stream.writeStatus !== "writable") throw gone();
    const header = headerOf(frame.length);
    try {
      if (frame.length <= COPIED) stream.send(Buffer.concat([header, frame]));
      else {
        stream.send(header);
        stream.send(frame);
      }
    } catch (cause) {
      throw new ShoalError("unavailable", "the channel broke", { cause });
    }
    parts.count("out", header.length + frame.length);
    const within = milliseconds(TIMES.write + (frame.length * 1000) / SLOWEST);
    using limit = deadline(clock, within);
    const outcome = await untilWritten(stream, limit.signal);
    if (outcome === "written") return;
    if (outcome === "late") {
      parts.report("slow", `took no ${frame.length} bytes within ${within} ms`);
      inbox.end(gone());
      stream.abort(new Error("the reader is too slow"));
    }
    throw new ShoalError("unavailable", outcome === "late" ? "the peer does not read" : "the channel broke");
  };

  const shut = async (): Promise<void> => {
    await last.catch(() => undefined);
    inbox.discard(gone());
    using limit = deadline(clock, TIMES.linger);
    try {
      await stream.close({ signal: limit.signal });
    } catch (err) {
      return stream.abort(err instanceof Error ? err : new Error("could not be closed"));
    }
    void inbox.abortUnlessClosed();
  };

  return {
    peer,
    send(frame) {
      if (frame.length > MAX_FRAME)
        return Promise.reject(
          new ShoalError("payload_too_large", `a frame has at most ${MAX_FRAME} bytes, not ${frame.length}`),
        );
      if (closing !== undefined) return Promise.reject(gone());
      const sent = last.then(() => write(frame));
      last = sent.catch(() => undefined);
      return sent;
    },
    receive: (within) => inbox.receive(within),
    close: () => (closing ??= shut()),
    abort() {
      closing ??= Promise.resolve();
      inbox.discard(gone());
      stream.abort(new Error("ended by this side"));
    },
  };
}
