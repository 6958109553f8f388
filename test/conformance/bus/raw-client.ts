/**
 * AMQP 0-9-1 by hand: says exactly what a test wants said and hands out exactly what came, so that codes, order and
 * malformed input can be tested on any broker. It shares the embedded broker's method table, which RabbitMQ's answers check.
 */
import { EventEmitter, once } from "node:events";
import { connect, type Socket } from "node:net";
import { EMPTY_TABLE, flag, table, type Table } from "@shoal/emulator/bus/wire/fields.ts";
import { contentFrames, FRAME, FrameSplitter, methodFrame, PROTOCOL_HEADER } from "@shoal/emulator/bus/wire/frames.ts";
import { readMethod, type Arguments, type Method, type MethodName } from "@shoal/emulator/bus/wire/methods.ts";
import { readProperties, writeProperties, type Properties } from "@shoal/emulator/bus/wire/properties.ts";
import { eventually } from "../../support/clock.ts";

export interface Heard {
  readonly channel: number;
  readonly method: Method;
  /** Of deliveries, returns and `get-ok`. */
  readonly properties?: Properties;
  readonly body?: Buffer;
}

const CONTENT: readonly MethodName[] = ["basic.deliver", "basic.return", "basic.get-ok"];
/** Longer than any broker takes; ends a test that hangs. */
const PATIENCE_MS = 20_000;
const ZERO = Buffer.alloc(0);

export class RawClient {
  readonly socket: Socket;
  readonly heard: Heard[] = [];
  heartbeats = 0;
  closed = false;
  frameMax = 131_072;
  readonly #changes = new EventEmitter();
  readonly #url: URL;
  readonly #splitter = new FrameSplitter(2 ** 31);
  #partial: { method: Method; channel: number; properties?: Properties; size: number; pieces: Buffer[] } | undefined;

  constructor(url: string) {
    this.#url = new URL(url);
    this.socket = connect(Number(this.#url.port), this.#url.hostname);
    this.socket.on("data", (chunk: Buffer) => {
      this.#take(chunk);
      this.#changes.emit("change");
    });
    const end = (): void => {
      this.closed = true;
      this.#changes.emit("change");
    };
    this.socket.on("error", end).on("close", end);
  }

  #take(chunk: Buffer): void {
    this.#splitter.push(chunk);
    for (let frame = this.#splitter.next(); frame !== undefined; frame = this.#splitter.next()) {
      if (frame.type === FRAME.HEARTBEAT) this.heartbeats += 1;
      else if (frame.type === FRAME.METHOD) {
        const method = readMethod(frame.payload);
        if (CONTENT.includes(method.name)) this.#partial = { method, channel: frame.channel, size: -1, pieces: [] };
        else this.heard.push({ channel: frame.channel, method });
      } else this.#content(frame.type, frame.payload);
    }
  }

  #content(type: number, payload: Buffer): void {
    const partial = this.#partial;
    if (partial === undefined) throw new Error("content without a method");
    if (type === FRAME.HEADER) {
      partial.size = Number(payload.readBigUInt64BE(4));
      partial.properties = readProperties(Buffer.from(payload.subarray(12)));
    } else partial.pieces.push(Buffer.from(payload));
    const body = Buffer.concat(partial.pieces);
    if (body.length < partial.size) return;
    const { method, channel, properties = {} } = partial;
    this.#partial = undefined;
    this.heard.push({ method, channel, properties, body });
  }

  send<N extends MethodName>(channel: number, name: N, args: Arguments<N>): void {
    this.socket.write(methodFrame(channel, name, args));
  }

  /** The next thing heard, which must be that method; whatever else comes first fails the test. */
  async expect<N extends MethodName>(name: N): Promise<Heard & { readonly args: Arguments<N> }> {
    const heard = await this.#next(name);
    if (heard === undefined) throw new Error(`the connection closed where ${name} was expected`);
    if (heard.method.name !== name)
      throw new Error(`heard ${heard.method.name} ${JSON.stringify(heard.method.args, shown)} instead of ${name}`);
    return { ...heard, args: heard.method.args as Arguments<N> };
  }

  /** What was heard next; undefined once nothing more can come. */
  async #next(name: string): Promise<Heard | undefined> {
    const waited = AbortSignal.timeout(PATIENCE_MS);
    while (this.heard.length === 0 && !this.closed) {
      await once(this.#changes, "change", { signal: waited }).catch((cause: unknown) => {
        throw new Error(`the broker never said ${name}`, { cause });
      });
    }
    return this.heard.shift();
  }

  /** Says it and waits for its answer. */
  call<N extends MethodName, A extends MethodName>(channel: number, name: N, args: Arguments<N>, answer: A) {
    this.send(channel, name, args);
    return this.expect(answer);
  }

  publish(
    channel: number,
    to: { exchange?: string; routingKey: string; mandatory?: boolean },
    body: Buffer | string,
    properties: Properties = {},
  ): void {
    const { exchange = "", routingKey, mandatory = false } = to;
    this.send(channel, "basic.publish", { reserved: 0, exchange, routingKey, mandatory, immediate: false });
    this.socket.write(contentFrames(channel, writeProperties(properties), Buffer.from(body), this.frameMax));
  }

  async ended(): Promise<void> {
    await eventually(() => (this.closed ? true : undefined), "the broker closes the socket");
  }

  close(): void {
    this.socket.destroy();
  }

  /** Header and login, up to the broker's `tune` (or its refusal, which is then the next thing to expect). */
  async login(options: { user?: string; password?: string; mechanism?: string } = {}): Promise<void> {
    if (this.socket.connecting) await once(this.socket, "connect");
    this.socket.write(PROTOCOL_HEADER);
    await this.expect("connection.start");
    const { user = this.#url.username, password = this.#url.password, mechanism = "PLAIN" } = options;
    this.send(0, "connection.start-ok", {
      properties: new Map([
        [
          "capabilities",
          table({
            authentication_failure_close: flag(true),
            consumer_cancel_notify: flag(true),
            "connection.blocked": flag(true),
          }),
        ],
      ]),
      mechanism,
      response: mechanism === "PLAIN" ? Buffer.from(`\0${user}\0${password}`) : amqplain(user, password),
      locale: "en_US",
    });
  }

  async open(tune: Partial<Arguments<"connection.tune-ok">> = {}): Promise<Arguments<"connection.tune">> {
    await this.login();
    const { args } = await this.expect("connection.tune");
    const agreed = { channelMax: 2047, frameMax: 131_072, heartbeat: 0, ...tune };
    this.frameMax = agreed.frameMax;
    this.send(0, "connection.tune-ok", agreed);
    this.send(0, "connection.open", { vhost: "/", reserved1: "", reserved2: false });
    await this.expect("connection.open-ok");
    return args;
  }

  async channel(id = 1): Promise<number> {
    await this.call(id, "channel.open", { reserved: "" }, "channel.open-ok");
    return id;
  }

  queue(
    channel: number,
    queue: string,
    options: { durable?: boolean; exclusive?: boolean; autoDelete?: boolean; passive?: boolean; args?: Table } = {},
  ) {
    const { durable = false, exclusive = false, autoDelete = false, passive = false, args = EMPTY_TABLE } = options;
    const declaration = { reserved: 0, queue, passive, durable, exclusive, autoDelete, nowait: false, arguments: args };
    this.send(channel, "queue.declare", declaration);
    return this.expect("queue.declare-ok");
  }

  async bind(channel: number, queue: string, exchange: string, routingKey: string): Promise<void> {
    const binding = { reserved: 0, queue, exchange, routingKey, nowait: false, arguments: EMPTY_TABLE };
    await this.call(channel, "queue.bind", binding, "queue.bind-ok");
  }
}

const shown = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? Number(value) : value);

function amqplain(user: string, password: string): Buffer {
  const field = (name: string, value: string): Buffer => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(Buffer.byteLength(value));
    return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from("S"), size, Buffer.from(value)]);
  };
  return Buffer.concat([field("LOGIN", user), field("PASSWORD", password), ZERO]);
}

/** An open connection with channel 1. */
export async function rawClient(url: string): Promise<RawClient> {
  const client = new RawClient(url);
  await client.open();
  await client.channel();
  return client;
}
