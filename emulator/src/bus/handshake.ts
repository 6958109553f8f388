/** From the protocol header to an open connection: start, tune, open. A wrong step ends it with the code that fits. */
import type { Connection } from "./connection.ts";
import { CAPABILITIES } from "./methods/exchange.ts";
import { authenticate, MECHANISMS } from "./users.ts";
import { AmqpError } from "./wire/errors.ts";
import { table, text, type Table } from "./wire/fields.ts";
import { PROTOCOL_HEADER } from "./wire/frames.ts";
import type { Arguments, Method } from "./wire/methods.ts";

/** The specification's least frame-max. */
const LEAST_FRAME_MAX = 4096;

type Step = "header" | "start-ok" | "tune-ok" | "open";

export class Handshake {
  readonly #connection: Connection;
  #step: Step = "header";
  #header = Buffer.alloc(0);

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Takes the eight bytes that open the conversation; what follows them is frames. Undefined while they are not whole. */
  header(chunk: Buffer): Buffer | undefined {
    if (this.#step !== "header") return chunk;
    this.#header = Buffer.concat([this.#header, chunk]);
    const size = Math.min(this.#header.length, PROTOCOL_HEADER.length);
    if (!this.#header.subarray(0, size).equals(PROTOCOL_HEADER.subarray(0, size))) {
      // Another protocol or version hears which one is spoken here, and nothing more.
      this.#connection.refuse(PROTOCOL_HEADER);
      return undefined;
    }
    if (size < PROTOCOL_HEADER.length) return undefined;
    this.#step = "start-ok";
    this.#connection.send(0, "connection.start", {
      major: 0,
      minor: 9,
      properties: new Map([
        ["product", text("Shoal bus")],
        ["version", text("0.1.0")],
        ["platform", text("Node.js")],
        ["capabilities", table(CAPABILITIES)],
      ]),
      mechanisms: Buffer.from(MECHANISMS),
      locales: Buffer.from("en_US"),
    });
    return this.#header.subarray(PROTOCOL_HEADER.length);
  }

  method(method: Method): void {
    if (method.name === "connection.start-ok" && this.#step === "start-ok") return this.#startOk(method.args);
    if (method.name === "connection.tune-ok" && this.#step === "tune-ok") return this.#tuneOk(method.args);
    if (method.name === "connection.open" && this.#step === "open") return this.#open(method.args);
    if (method.name === "connection.close") return this.#connection.farewell();
    throw new AmqpError("COMMAND_INVALID", `${method.name} where ${this.#step} was expected`);
  }

  #startOk(args: Arguments<"connection.start-ok">): void {
    const connection = this.#connection;
    connection.capabilities = capabilitiesOf(args.properties);
    if (!MECHANISMS.split(" ").includes(args.mechanism))
      throw new AmqpError("NOT_ALLOWED", `unknown authentication mechanism '${args.mechanism}'`);
    const user = authenticate(connection.options.users, args.mechanism, args.response);
    if (user === undefined) {
      if (!connection.hears("authentication_failure_close")) return connection.end();
      throw new AmqpError(
        "ACCESS_REFUSED",
        `Login was refused using authentication mechanism ${args.mechanism}. For details see the broker logfile.`,
        { hard: true },
      );
    }
    connection.user = user;
    this.#step = "tune-ok";
    const { channelMax, frameMax, heartbeatSeconds } = connection.broker.limits;
    connection.send(0, "connection.tune", { channelMax, frameMax, heartbeat: heartbeatSeconds });
  }

  #tuneOk(args: Arguments<"connection.tune-ok">): void {
    const connection = this.#connection;
    const { channelMax, frameMax } = connection.broker.limits;
    if (args.frameMax !== 0 && args.frameMax < LEAST_FRAME_MAX)
      throw new AmqpError("NOT_ALLOWED", `frame_max=${args.frameMax} < ${LEAST_FRAME_MAX} min size`);
    if (args.frameMax > frameMax)
      throw new AmqpError("NOT_ALLOWED", `frame_max=${args.frameMax} > ${frameMax} max size`);
    if (args.channelMax > channelMax)
      throw new AmqpError("NOT_ALLOWED", `channel_max=${args.channelMax} > ${channelMax} max`);
    connection.frameMax = args.frameMax === 0 ? frameMax : args.frameMax;
    connection.channelMax = args.channelMax === 0 ? channelMax : args.channelMax;
    this.#step = "open";
    connection.beat(args.heartbeat);
  }

  #open(args: Arguments<"connection.open">): void {
    const connection = this.#connection;
    if (args.vhost !== "/") throw new AmqpError("NOT_ALLOWED", `vhost ${args.vhost} not found`);
    if (!connection.options.admits())
      throw new AmqpError(
        "NOT_ALLOWED",
        `access to vhost '/' refused for user '${connection.user}': connection limit (${connection.broker.limits.connections}) is reached`,
      );
    connection.state = "open";
    connection.send(0, "connection.open-ok", { reserved: "" });
  }
}

function capabilitiesOf(properties: Table): ReadonlySet<string> {
  const field = properties.get("capabilities");
  if (field?.type !== "F") return new Set();
  return new Set([...field.value].filter(([, each]) => each.type === "t" && each.value).map(([name]) => name));
}
