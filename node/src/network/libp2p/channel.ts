/**
 * A channel over a stream of the library: whole frames in order, and a bound on everything. The stream is read only as far as
 * somebody asks or `SIZES.unread` has room, so that a peer's window fills and it stops; a write waits until the transport has
 * taken it, because the library's own buffer has no end.
 */
import type { Stream } from "@libp2p/interface";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { MAX_FRAME, type Channel, type Fault, type PeerId } from "../contract.ts";
import { deadline } from "./failure.ts";
import { createFrames, headerOf } from "./frames.ts";
import { SIZES, SLOWEST, TIMES } from "./settings.ts";
import { untilWritten } from "./written.ts";

/** What all channels hold together, in bytes; a channel that finds no room ends. */
export interface Room {
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export interface ChannelParts {
  readonly stream: Stream;
  readonly peer: PeerId;
  readonly clock: Clock;
  readonly room: Room;
  readonly report: (fault: Fault, detail: string) => void;
  readonly count: (direction: "in" | "out", bytes: number) => void;
}

interface Waiter {
  readonly resolve: (frame: Uint8Array | undefined) => void;
  readonly reject: (reason: ShoalError) => void;
}

/** Whether the peer ended in order, or why nothing more can be read. */
type End = "closed" | ShoalError;

/** Frames up to this are sent in one piece with their header: one packet instead of two. */
const COPIED = 16 * 1024;

export function createChannel(parts: ChannelParts): Channel {
  const { stream, peer, clock } = parts;
  const inbox = createInbox(parts);
  let last: Promise<unknown> = Promise.resolve();
  let closing: Promise<void> | undefined;
  const gone = (): ShoalError => new ShoalError("unavailable", "the channel has ended");

  const write = async (frame: Uint8Array): Promise<void> => {
    if (closing !== undefined || stream.writeStatus !== "writable") throw gone();
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

interface Inbox {
  receive(within: DurationMs): Promise<Uint8Array | undefined>;
  end(how: End): void;
  /** Ends it, and lets what still comes fall. */
  discard(how: ShoalError): void;
  abortUnlessClosed(): Promise<void>;
}

function createInbox({ stream, clock, room, report, count }: ChannelParts): Inbox {
  const frames = createFrames();
  const waiters: Waiter[] = [];
  let queue: Uint8Array[] = [];
  let queued = 0;
  let taken = 0;
  let ended: End | undefined;
  let hasFinished = false;

  /** Reads on, or stops reading, as there is room. */
  const pace = (): void => {
    const wants = ended !== undefined || waiters.length > 0 || queued + frames.pending < SIZES.unread;
    if (wants && stream.readStatus === "paused") stream.resume();
    else if (!wants && stream.readStatus === "readable") stream.pause();
  };
  const hold = (): boolean => {
    const now = ended === undefined ? queued + frames.pending : queued;
    if (now < taken) room.give(taken - now);
    else if (!room.take(now - taken)) return false;
    taken = now;
    return true;
  };
  const deliver = (): void => {
    while (waiters.length > 0 && queue.length > 0) {
      const frame = queue.shift();
      queued -= frame?.length ?? 0;
      waiters.shift()?.resolve(frame);
    }
    if (ended === undefined || queue.length > 0) return;
    for (const waiter of waiters.splice(0)) {
      if (ended === "closed") waiter.resolve(undefined);
      else waiter.reject(ended);
    }
  };
  const end = (how: End): void => {
    ended ??= how;
    hold();
    deliver();
  };
  const stop = (fault: Fault | undefined, detail: string): void => {
    if (fault !== undefined) report(fault, detail);
    end(new ShoalError("unavailable", detail));
    stream.abort(new Error(detail));
  };

  stream.addEventListener("message", ({ data }) => {
    count("in", data.byteLength);
    if (ended !== undefined) return;
    for (const piece of data instanceof Uint8Array ? [data] : data) {
      const whole = frames.push(piece);
      if (whole === undefined) return stop("oversized", `announced a frame of more than ${MAX_FRAME} bytes`);
      for (const frame of whole) {
        queue.push(frame);
        queued += frame.length;
      }
    }
    deliver();
    if (!hold()) return stop(undefined, "too much is waiting to be read");
    pace();
  });
  // `end` also comes where the transport is gone; only a peer that closed has said so before.
  stream.addEventListener("remoteCloseWrite", () => (hasFinished = true));
  stream.addEventListener("end", () => {
    if (stream.status === "aborted" || stream.status === "reset" || !hasFinished) return;
    if (frames.pending > 0 && ended === undefined) stop("broken", "closed within a frame");
    else end("closed");
  });
  stream.addEventListener("close", () => {
    // What arrived before the end is still read.
    if (stream.readBufferLength > 0 && stream.readStatus === "paused") stream.resume();
    if (frames.pending > 0 && ended === undefined) report("broken", "went away within a frame");
    end(hasFinished && frames.pending === 0 ? "closed" : new ShoalError("unavailable", "the channel broke"));
  });

  const receive = async (within: DurationMs): Promise<Uint8Array | undefined> => {
    if (queue.length > 0 && waiters.length === 0) {
      const frame = queue.shift();
      queued -= frame?.length ?? 0;
      hold();
      pace();
      return frame;
    }
    if (ended === "closed") return undefined;
    if (ended !== undefined) throw ended;
    using limit = deadline(clock, within);
    return await new Promise<Uint8Array | undefined>((resolve, reject) => {
      const waiter: Waiter = { resolve, reject };
      waiters.push(waiter);
      limit.signal.addEventListener("abort", () => {
        const at = waiters.indexOf(waiter);
        if (at < 0) return;
        waiters.splice(at, 1);
        reject(new ShoalError("deadline_exceeded", `no frame within ${within} ms`));
        // Half a frame in all this time: whoever dribbles is slow by intent or of no use.
        if (frames.pending > 0) stop("slow", `sent ${frames.pending} bytes of a frame within ${within} ms`);
      });
      pace();
    });
  };

  return {
    receive,
    end,
    discard(how) {
      queue = [];
      queued = 0;
      end(how);
      if (stream.readStatus === "paused") stream.resume();
    },
    async abortUnlessClosed() {
      if (stream.status === "closed" || hasFinished) return;
      using limit = deadline(clock, TIMES.linger);
      await new Promise<void>((resolve) => {
        stream.addEventListener("close", () => resolve());
        stream.addEventListener("remoteCloseWrite", () => resolve());
        limit.signal.addEventListener("abort", () => resolve());
      });
      if (limit.hasPassed) stream.abort(new Error("the other side stays open"));
    },
  };
}
