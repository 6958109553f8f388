/**
 * One client's connection: frames in, frames out, heartbeats, channels, and the two kinds of errors. Reading stops while the
 * client does not read what it is owed, or while the broker is under pressure and the client publishes; so nobody can fill
 * the broker's memory, and nothing is dropped.
 */
import type { Socket } from "node:net";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log as Logger } from "@shoal/shared/base/log.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Broker } from "./broker.ts";
import type { Channel } from "./channel.ts";
import type { BusFaults } from "./faults.ts";
import { handleChannelFrame } from "./dispatch.ts";
import { Handshake } from "./handshake.ts";
import type { Queue } from "./queue.ts";
import type { Users } from "./users.ts";
import { AmqpError, REPLY } from "./wire/errors.ts";
import { FRAME, FrameSplitter, HEARTBEAT_FRAME, contentFrames, methodFrame, type Frame } from "./wire/frames.ts";
import { METHODS, readMethod, type Arguments, type Method, type MethodName } from "./wire/methods.ts";

export interface ConnectionOptions {
  readonly broker: Broker;
  readonly users: Users;
  readonly faults: BusFaults;
  readonly log: Logger;
  /** Whether one more connection may be opened. */
  readonly admits: () => boolean;
  readonly onEnd: (connection: Connection) => void;
}

/** For the client's `close-ok`, after which the socket is closed anyway. */
const CLOSING_GRACE = milliseconds(3000);

export class Connection {
  readonly broker: Broker;
  readonly faults: BusFaults;
  readonly channels = new Map<number, Channel>();
  /** Queues that end with this connection. */
  readonly exclusive = new Set<Queue>();
  user = "";
  /** What the client says it understands. */
  capabilities: ReadonlySet<string> = new Set();
  channelMax: number;
  frameMax: number;
  /** It has published, so pressure holds it. */
  publishes = false;
  /** Bytes of messages whose bodies have not come whole, over all channels. */
  partialBytes = 0;
  state: "handshake" | "open" | "closing" | "ended" = "handshake";
  readonly options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #splitter: FrameSplitter;
  readonly #ending = new AbortController();
  readonly #handshake: Handshake;
  #out: Buffer[] = [];
  #outBytes = 0;
  /** Output waits until this ticket is on disk. */
  #holdUntil = 0;
  #blockedSaid = false;
  #paused = false;
  /** A delivery was held back until the client has read. */
  #starved = false;
  #heardAt: number;
  #saidAt: number;
  readonly #unlisten: (() => void)[] = [];
  /** Resolves once everything was given back. */
  readonly ended: Promise<void>;
  #resolveEnded: () => void = () => undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    const { broker } = options;
    this.options = options;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.broker = broker;
    this.faults = options.faults;
    this.#socket = socket;
    this.channelMax = broker.limits.channelMax;
    this.frameMax = broker.limits.frameMax;
    this.#splitter = new FrameSplitter(broker.limits.frameMax);
    this.#heardAt = this.#saidAt = broker.clock.monotonic();
    this.#handshake = new Handshake(this);
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", () => this.end());
    socket.on("close", () => this.end());
    socket.on("end", () => this.end());
    this.#unlisten.push(
      broker.pressure.onChange(() => this.#feelPressure()),
      broker.onWritten(() => this.#holdUntil > 0 && this.flush()),
    );
    this.later(broker.limits.handshakeMs, () => {
      if (this.state === "handshake") this.end();
    });
  }

  hears(capability: string): boolean {
    return this.capabilities.has(capability);
  }

  /** Calls back after `ms`, unless the connection has ended. */
  later(ms: number, act: () => void): void {
    this.broker.clock.sleep(milliseconds(ms), this.#ending.signal).then(act, () => undefined);
  }

  // --- in

  #take(chunk: Buffer): void {
    if (this.state === "ended") return;
    this.#heardAt = this.broker.clock.monotonic();
    try {
      const rest = this.#handshake.header(chunk);
      if (rest === undefined) return;
      this.#splitter.push(rest);
    } catch (thrown) {
      return this.#fail(thrown, 0, undefined);
    }
    this.#parse();
  }

  /** Handles what has come, as long as reading is not stopped. */
  #parse(): void {
    while (this.state !== "ended" && !this.#paused) {
      let frame: Frame | undefined;
      try {
        frame = this.#splitter.next();
      } catch (thrown) {
        return this.#fail(thrown, 0, undefined);
      }
      if (frame === undefined) return;
      this.#handle(frame);
      if (this.publishes && this.broker.pressure.on) this.#feelPressure();
      if (this.#drowns) this.#settleDebts();
    }
  }

  #handle(frame: Frame): void {
    let method: Method | undefined;
    try {
      if (frame.type === FRAME.HEARTBEAT) {
        if (frame.channel !== 0) throw new AmqpError("FRAME_ERROR", "a heartbeat on a channel");
        return;
      }
      if (frame.type === FRAME.METHOD) method = readMethod(frame.payload);
      if (this.state === "closing") {
        if (method?.name === "connection.close-ok") this.end();
        else if (method?.name === "connection.close") this.farewell();
        return;
      }
      if (frame.channel !== 0) return this.#onChannel(frame, method);
      if (method === undefined) throw new AmqpError("UNEXPECTED_FRAME", "content on channel 0");
      if (this.state === "handshake") this.#handshake.method(method);
      else this.#own(method);
    } catch (thrown) {
      this.#fail(thrown, frame.channel, method?.name);
    }
  }

  #onChannel(frame: Frame, method: Method | undefined): void {
    if (this.state === "handshake") throw new AmqpError("CHANNEL_ERROR", "a channel before the connection is open");
    if (frame.channel > this.channelMax)
      throw new AmqpError("NOT_ALLOWED", `channel id ${frame.channel} exceeds channel_max ${this.channelMax}`);
    handleChannelFrame(this, frame, method);
  }

  #own(method: Method): void {
    if (method.name === "connection.close") return this.farewell();
    if (method.name === "connection.close-ok") return;
    // Passwords do not expire here, so a new secret changes nothing.
    if (method.name === "connection.update-secret") return this.send(0, "connection.update-secret-ok", {});
    throw new AmqpError("COMMAND_INVALID", `unexpected method ${method.name} on channel 0`);
  }

  /** Another protocol's header was sent: says ours, and goodbye. */
  refuse(header: Buffer): void {
    this.#socket.end(header);
    this.end(true);
  }

  farewell(): void {
    this.send(0, "connection.close-ok", {});
    this.#holdUntil = 0;
    this.flush();
    this.#socket.end();
    this.end(true);
  }

  /** Answers an error with the close that fits it. */
  #fail(thrown: unknown, channel: number, method: MethodName | undefined): void {
    if (this.state === "ended") return;
    const error = thrown instanceof AmqpError ? thrown : new AmqpError("INTERNAL_ERROR", messageOf(thrown));
    if (!(thrown instanceof AmqpError))
      this.options.log.error({ err: thrown, method }, "a method failed in the broker");
    const open = this.channels.get(channel);
    const { classId, methodId } = method === undefined ? { classId: 0, methodId: 0 } : METHODS[method];
    const close = { code: REPLY[error.reply], text: error.message, classId, methodId };
    if (!error.hard && open !== undefined) {
      open.end();
      this.send(channel, "channel.close", close);
      return;
    }
    if (this.state === "closing") return this.end();
    this.options.log.debug({ code: close.code, text: close.text }, "closing a connection");
    this.close(close);
  }

  /** Tells the client and waits for its `close-ok`, but not for ever. */
  close(close: Arguments<"connection.close">): void {
    if (this.state === "ended" || this.state === "closing") return;
    this.state = "closing";
    for (const channel of this.channels.values()) channel.end();
    this.channels.clear();
    this.send(0, "connection.close", close);
    this.#holdUntil = 0;
    this.flush();
    // Whatever stopped the reading, the answer has to get through.
    this.#resume();
    this.later(CLOSING_GRACE, () => this.end());
  }

  // --- out

  send<N extends MethodName>(channel: number, name: N, args: Arguments<N>): void {
    this.write(methodFrame(channel, name, args));
  }

  sendContent<N extends MethodName>(
    channel: number,
    name: N,
    args: Arguments<N>,
    properties: Buffer,
    body: Buffer,
  ): void {
    this.write(methodFrame(channel, name, args));
    this.write(contentFrames(channel, properties, body, this.frameMax));
  }

  write(bytes: Buffer): void {
    if (this.state === "ended") return;
    this.#out.push(bytes);
    this.#outBytes += bytes.length;
    this.broker.dirty(this);
  }

  /** Bytes that wait for the client, or for the disk. */
  get #owes(): number {
    return this.#outBytes + this.#socket.writableLength;
  }

  /** Whether it may get another delivery. Where it has to read first, deliveries go on once it has. */
  takes(): boolean {
    if (this.state !== "open") return false;
    if (this.#owes <= this.broker.limits.socketBytes) return true;
    this.#starved = true;
    return false;
  }

  /** Deliveries stop long before, so this much it can only be owed for what it asked. */
  get #drowns(): boolean {
    const { socketBytes, messageBytes } = this.broker.limits;
    return this.state === "open" && this.#owes > socketBytes + messageBytes;
  }

  /** What the client does not read makes it wait. */
  #settleDebts(): void {
    this.flush();
    if (this.#drowns) this.#pause();
  }

  /** Holds the output back until what was just decided is on disk: an answer is a promise. */
  holdUntil(ticket: number): void {
    if (ticket > this.broker.store.log.written) this.#holdUntil = Math.max(this.#holdUntil, ticket);
  }

  flush(): void {
    if (this.#holdUntil > this.broker.store.log.written || this.#outBytes === 0) return;
    this.#holdUntil = 0;
    const [out, size] = [this.#out, this.#outBytes];
    this.#out = [];
    this.#outBytes = 0;
    if (this.state === "ended") return;
    this.#saidAt = this.broker.clock.monotonic();
    this.#socket.write(out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out, size), () => this.#drained());
    if (this.#drowns) this.#pause();
  }

  /** Some of it was taken: what waited for that goes on. */
  #drained(): void {
    if (this.state !== "open") return;
    if (this.#paused) this.#feelPressure();
    if (!this.#starved || this.#owes > this.broker.limits.socketBytes) return;
    this.#starved = false;
    for (const channel of this.channels.values()) channel.pump();
  }

  // --- flow

  #feelPressure(): void {
    if (this.state !== "open") return;
    const held = this.publishes && this.broker.pressure.on;
    const reason = held ? this.broker.pressure.reason : undefined;
    if ((reason !== undefined) !== this.#blockedSaid) {
      this.#blockedSaid = reason !== undefined;
      if (this.hears("connection.blocked")) {
        if (reason === undefined) this.send(0, "connection.unblocked", {});
        else this.send(0, "connection.blocked", { reason });
      }
    }
    if (held) this.#pause();
    else if (!this.#drowns) this.#resume();
  }

  #pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
    queueMicrotask(() => this.#parse());
  }

  /** The client agreed: from here on both sides speak at least every half interval. 0 is never. */
  beat(seconds: number): void {
    this.#splitter.frameMax = this.frameMax;
    if (seconds === 0) return;
    const half = seconds * 500;
    const tick = (): void => {
      const now = this.broker.clock.monotonic();
      // A client that we do not read from is not silent: we are deaf.
      if (!this.#paused && now - this.#heardAt > half * 4) {
        this.options.log.warn({ seconds }, "dropped a connection that missed its heartbeats");
        return this.end();
      }
      if (now - this.#saidAt >= half && this.#outBytes === 0) this.write(HEARTBEAT_FRAME);
      this.later(half, tick);
    };
    this.later(half, tick);
  }

  /** Resets the connection, as a network would. */
  cut(): void {
    this.#socket.resetAndDestroy();
    this.end();
  }

  /** Gives everything back. `politely`: the socket closes by itself once it has sent what it was given. */
  end(politely = false): void {
    if (this.state === "ended") return;
    this.state = "ended";
    this.#ending.abort();
    for (const stop of this.#unlisten) stop();
    for (const channel of this.channels.values()) channel.end();
    this.channels.clear();
    for (const queue of this.exclusive) if (!queue.deleted) this.broker.topology.deleteQueue(queue);
    this.exclusive.clear();
    if (politely) this.#socket.setTimeout(CLOSING_GRACE, () => this.#socket.destroy()).resume();
    else this.#socket.destroy();
    this.options.onEnd(this);
    this.#resolveEnded();
  }
}
