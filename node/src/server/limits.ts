/** Everything that the server bounds, in one place. Caps of single fields stand beside the fields (`NODE_CAPS`). */
import { milliseconds, seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import { NODE_CAPS } from "@shoal/shared/wire/node/values.ts";

const MIB = 1024 * 1024;

export interface ServerLimits {
  /** JSON bodies; a megabyte of initialization parameters is up to four as an array of numbers. */
  readonly bodyBytes: number;
  /** JSON bodies that anybody may send: the largest is a quote of 64 KiB in base64. */
  readonly publicBodyBytes: number;
  /** Bodies of JSON-RPC: the arguments, and room for escapes and white space. */
  readonly rpcBodyBytes: number;
  readonly blobBytes: number;
  /** Within which a JSON body has to arrive. */
  readonly bodyWithin: DurationMs;
  /** Within which a request's headers have to arrive. */
  readonly headersWithin: DurationMs;
  /** Within which a whole request has to arrive, a blob's upload included. */
  readonly requestWithin: DurationMs;
  /** After which a connection is ended on which nothing moves. */
  readonly idleConnection: DurationMs;
  readonly connections: number;
  readonly sockets: number;
  readonly socketMessageBytes: number;
  /** Commands of one socket in work at a time. */
  readonly socketCommands: number;
  readonly streams: number;
  /** What may wait for a socket's or a stream's client before it is dropped as too slow. */
  readonly sendBufferBytes: number;
  readonly pingEvery: DurationMs;
  readonly pongWithin: DurationMs;
  /** Sessions of event streams that are kept, and for how long after their last use. */
  readonly sessions: number;
  readonly sessionLife: DurationMs;
  /** What `close` waits for at most before it cuts what is left. */
  readonly drain: DurationMs;
}

export const SERVER_LIMITS: ServerLimits = {
  bodyBytes: 8 * MIB,
  publicBodyBytes: MIB / 4,
  rpcBodyBytes: NODE_CAPS.argumentBytes + 2 * MIB,
  blobBytes: NODE_CAPS.blobBytes,
  bodyWithin: seconds(30),
  headersWithin: seconds(10),
  requestWithin: seconds(3600),
  idleConnection: seconds(120),
  connections: 10_000,
  sockets: 2000,
  socketMessageBytes: 16 * MIB,
  socketCommands: 32,
  streams: 2000,
  sendBufferBytes: 8 * MIB,
  pingEvery: seconds(30),
  pongWithin: seconds(10),
  sessions: 20_000,
  sessionLife: milliseconds(24 * 3600 * 1000),
  drain: seconds(5),
};
