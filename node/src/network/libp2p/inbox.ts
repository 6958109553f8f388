/**
 * The reading half of a channel: bytes as they come, frames as they are asked for. It reads on only while somebody waits or there
 * is room, tells an end in order from one that is none, and reports what no honest peer does.
 */
import type { Stream, StreamMessageEvent } from "@libp2p/interface";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { MAX_FRAME, type Fault, type PeerId } from "../contract.ts";
import { deadline } from "./failure.ts";
import { createFrames } from "./frames.ts";
import { SIZES, TIMES } from "./settings.ts";
import { readOn, stopReading } from "./streams.ts";

/** What all channels hold together, in bytes; a channel that finds no room ends. */
export interface Room {
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export interface InboxParts {
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

/** Bytes as the transport cut them. */
type Pieces = StreamMessageEvent["data"];

/** Whether the peer ended in order, or why nothing more can be read. */
type End = "closed" | ShoalError;

export class Inbox {
  readonly #parts: InboxParts;
  readonly #frames = createFrames();
  readonly #waiters: Waiter[] = [];
  #queue: Uint8Array[] = [];
  #queued = 0;
  /** What is taken of the room. */
  #taken = 0;
  #ended: End | undefined;
  #hasFinished: boolean;

  constructor(parts: InboxParts) {
    this.#parts = parts;
    const { stream } = parts;
    // The peer may have ended before anybody here could listen.
    this.#hasFinished = stream.remoteWriteStatus === "closed" && stream.status === "open";
    stream.addEventListener("message", ({ data }) => this.#take(data));
    // `end` also comes where the transport is gone; only a peer that closed has said so before.
    stream.addEventListener("remoteCloseWrite", () => (this.#hasFinished = true));
    stream.addEventListener("end", () => {
      if (stream.status === "aborted" || stream.status === "reset" || !this.#hasFinished) return;
      if (this.#isWithin) this.#stop("broken", "closed within a frame");
      else this.end("closed");
    });
    stream.addEventListener("close", () => {
      // What arrived before the end is still read.
      if (stream.readBufferLength > 0) readOn(stream);
      if (this.#isWithin) parts.report("broken", "went away within a frame");
      this.end(this.#hasFinished && !this.#isWithin ? "closed" : broken());
    });
    if (stream.status !== "open") this.end(broken());
    else if (stream.readableEnded) this.end("closed");
  }

  /** The next frame, or what the end was; see `Channel`. */
  async receive(within: DurationMs): Promise<Uint8Array | undefined> {
    if (this.#queue.length > 0 && this.#waiters.length === 0) {
      const frame = this.#shift();
      this.#hold();
      this.#pace();
      return frame;
    }
    if (this.#ended === "closed") return undefined;
    if (this.#ended !== undefined) throw this.#ended;
    using limit = deadline(this.#parts.clock, within);
    return await new Promise<Uint8Array | undefined>((resolve, reject) => {
      const waiter: Waiter = { resolve, reject };
      this.#waiters.push(waiter);
      limit.signal.addEventListener("abort", () => {
        const at = this.#waiters.indexOf(waiter);
        if (at < 0) return;
        this.#waiters.splice(at, 1);
        reject(new ShoalError("deadline_exceeded", `no frame within ${within} ms`));
        // Half a frame in all this time: whoever dribbles is slow by intent or of no use.
        if (this.#isWithin) this.#stop("slow", `sent ${this.#frames.pending} bytes of a frame within ${within} ms`);
      });
      this.#pace();
    });
  }

  /** Nothing comes after what is queued. The first end counts. */
  end(how: End): void {
    this.#ended ??= how;
    this.#hold();
    this.#deliver();
  }

  /** Ends it, and lets what is queued and what still comes fall. */
  discard(how: ShoalError): void {
    this.#queue = [];
    this.#queued = 0;
    this.end(how);
    readOn(this.#parts.stream);
  }

  /** The peer has a while to close its side as well. */
  async abortUnlessClosed(): Promise<void> {
    const { stream, clock } = this.#parts;
    if (stream.status === "closed" || this.#hasFinished) return;
    using limit = deadline(clock, TIMES.linger);
    await new Promise<void>((resolve) => {
      stream.addEventListener("close", () => resolve());
      stream.addEventListener("remoteCloseWrite", () => resolve());
      limit.signal.addEventListener("abort", () => resolve());
    });
    if (limit.hasPassed) stream.abort(new Error("the other side stays open"));
  }

  /** Whether a frame has begun that nobody ended. */
  get #isWithin(): boolean {
    return this.#frames.pending > 0 && this.#ended === undefined;
  }

  #take(data: Pieces): void {
    this.#parts.count("in", data.byteLength);
    if (this.#ended !== undefined) return;
    for (const piece of data instanceof Uint8Array ? [data] : data) {
      const whole = this.#frames.push(piece);
      if (whole === undefined) return this.#stop("oversized", `announced a frame of more than ${MAX_FRAME} bytes`);
      for (const frame of whole) {
        this.#queue.push(frame);
        this.#queued += frame.length;
      }
    }
    this.#deliver();
    if (!this.#hold()) return this.#stop(undefined, "too much is waiting to be read");
    this.#pace();
  }

  /** Reads on, or stops reading, as there is room. */
  #pace(): void {
    const { stream } = this.#parts;
    const wants =
      this.#ended !== undefined || this.#waiters.length > 0 || this.#queued + this.#frames.pending < SIZES.unread;
    if (wants) readOn(stream);
    else stopReading(stream);
  }

  /** Takes of the room what is held now, and gives back what is not; false: there is no room. */
  #hold(): boolean {
    const now = this.#queued + (this.#ended === undefined ? this.#frames.pending : 0);
    if (now < this.#taken) this.#parts.room.give(this.#taken - now);
    else if (!this.#parts.room.take(now - this.#taken)) return false;
    this.#taken = now;
    return true;
  }

  #shift(): Uint8Array | undefined {
    const frame = this.#queue.shift();
    this.#queued -= frame?.length ?? 0;
    return frame;
  }

  #deliver(): void {
    while (this.#waiters.length > 0 && this.#queue.length > 0) this.#waiters.shift()?.resolve(this.#shift());
    if (this.#ended === undefined || this.#queue.length > 0) return;
    for (const waiter of this.#waiters.splice(0)) {
      if (this.#ended === "closed") waiter.resolve(undefined);
      else waiter.reject(this.#ended);
    }
  }

  #stop(fault: Fault | undefined, detail: string): void {
    if (fault !== undefined) this.#parts.report(fault, detail);
    this.end(new ShoalError("unavailable", detail));
    this.#parts.stream.abort(new Error(detail));
  }
}

const broken = (): ShoalError => new ShoalError("unavailable", "the channel broke");
