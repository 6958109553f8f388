/**
 * One WebSocket client: its commands, its subscriptions, and what waits for it. Commands run side by side, so many at a time;
 * a client that does not read what it is sent is dropped with a reason.
 */
import type { RawData, WebSocket } from "ws";
import { messageOf, type ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { socketRequestSchema, type SocketRequest } from "@shoal/shared/wire/node/rpc.ts";
import type { Topics } from "@shoal/shared/wire/node/streams.ts";
import type { Authorize } from "../authorize.ts";
import type { Delivery, Hub, Subscriber } from "../events/hub.ts";
import { allowedTopics, exclude, include, listed, noSubscriptions, topicsOf } from "../events/topics.ts";
import type { ServerLimits } from "../limits.ts";
import type { ServerMetrics } from "../metrics.ts";
import { firstIssue } from "../parse.ts";
import type { Calls } from "../rpc/calls.ts";
import { rpcErrorOf, RpcParseError, type RpcError } from "../rpc/failure.ts";
import { parseExactly } from "../rpc/json-text.ts";

/** Close codes of RFC 6455 and of its registry. */
export const CLOSE = { goingAway: 1001, policy: 1008, tryAgainLater: 1013 } as const;

export interface Connection extends Subscriber {
  /** The request that opened the socket: its token is judged at every command. */
  readonly request: Request;
  readonly socket: WebSocket;
  /** Set when a ping went out, cleared by any sign of life. */
  unanswered: boolean;
  /** Says goodbye with a code and a reason; whoever does not answer is cut by the caller. */
  leave(code: number, reason: string): void;
}

export interface ConnectionParts {
  readonly hub: Hub;
  readonly calls: Calls;
  readonly authorize: Authorize;
  readonly metrics: ServerMetrics;
  readonly limits: Pick<ServerLimits, "socketCommands" | "sendBufferBytes">;
  readonly log: Log;
  /** Told when a client was too slow: it has to be cut when it does not leave by itself. */
  readonly onSlow: (connection: Connection) => void;
}

export function serveConnection(socket: WebSocket, request: Request, parts: ConnectionParts): Connection {
  const { hub, metrics, limits, log } = parts;
  const subscriptions = noSubscriptions();
  let inWork = 0;
  let leaving = false;

  const connection: Connection = {
    request,
    socket,
    unanswered: false,
    deliver: ({ socket: frame }: Delivery) => {
      send(frame);
      metrics.sent("socket", 1);
    },
    leave: (code, reason) => {
      leaving = true;
      forget();
      socket.close(code, reason);
    },
  };

  const send = (frame: string | Buffer): void => {
    if (leaving || socket.readyState !== socket.OPEN) return;
    socket.send(frame, { binary: false });
    if (socket.bufferedAmount <= limits.sendBufferBytes) return;
    metrics.dropped("socket", "slow");
    log.info({ bufferedBytes: socket.bufferedAmount }, "a socket's client reads too slowly: it is dropped");
    connection.leave(CLOSE.tryAgainLater, "too slow: what was sent is not read");
    parts.onSlow(connection);
  };
  const forget = (): void => hub.unsubscribe(connection, topicsOf(listed(subscriptions)));

  const obey = async (command: SocketRequest): Promise<string> => {
    switch (command.method) {
      case "execute":
        return parts.calls.execute(request, command.params);
      case "subscribe": {
        const topics = await allowedTopics(parts.authorize, request, command.params);
        include(subscriptions, topics);
        if (!leaving && socket.readyState === socket.OPEN) hub.subscribe(connection, topicsOf(topics));
        return topicsJson(topics);
      }
      case "unsubscribe":
        exclude(subscriptions, command.params);
        hub.unsubscribe(connection, topicsOf(command.params));
        return topicsJson(command.params);
    }
  };

  const answer = async (data: RawData, isBinary: boolean): Promise<void> => {
    let id = "null";
    try {
      const message = parseMessage(data, isBinary);
      id = idOf(message);
      if (inWork > limits.socketCommands) throw new TooManyCommands(limits.socketCommands);
      send(`{"id":${id},"result":${await obey(commandOf(message))}}`);
    } catch (thrown) {
      const error = socketErrorOf(thrown);
      if (error.type === "InternalError") log.error({ err: thrown }, "a socket's command failed");
      send(`{"id":${id},"error":${JSON.stringify(error)}}`);
    }
  };

  socket.on("message", (data, isBinary) => {
    connection.unanswered = false;
    inWork += 1;
    void answer(data, isBinary).finally(() => (inWork -= 1));
  });
  socket.on("pong", () => (connection.unanswered = false));
  socket.on("close", forget);
  // A client that breaks the protocol or sends too much is closed by the library, with the right code.
  socket.on("error", (error) => log.debug({ reason: messageOf(error) }, "a socket broke"));
  return connection;
}

class TooManyCommands extends Error {
  constructor(most: number) {
    super(`more than ${most} commands at a time`);
  }
}

function socketErrorOf(thrown: unknown): RpcError {
  if (thrown instanceof TooManyCommands) return { type: "TooManyCommands", data: thrown.message };
  const error = rpcErrorOf(thrown);
  if (error !== undefined) return error;
  // What REST tells by its status.
  return { type: TYPE_OF[(thrown as ShoalError).code] ?? "RequestError", data: messageOf(thrown) };
}

const TYPE_OF: Partial<Record<ShoalError["code"], string>> = {
  unauthenticated: "Unauthenticated",
  permission_denied: "Unauthorized",
  unavailable: "Unavailable",
};

function topicsJson({ contextIds, groupIds }: Topics): string {
  return JSON.stringify(groupIds.length === 0 ? { contextIds } : { contextIds, groupIds });
}

const utf8 = new TextDecoder();

function parseMessage(data: RawData, isBinary: boolean): Readonly<Record<string, unknown>> {
  if (isBinary) throw new RpcParseError("expected text");
  let message: unknown;
  try {
    message = parseExactly(utf8.decode(data as Buffer));
  } catch {
    throw new RpcParseError("the message is not JSON");
  }
  if (typeof message !== "object" || message === null || Array.isArray(message))
    throw new RpcParseError("expected an object");
  return message as Readonly<Record<string, unknown>>;
}

/** Upstream's ids are numbers; text is taken too. */
function idOf({ id }: Readonly<Record<string, unknown>>): string {
  if (id === undefined || id === null) return "null";
  if (typeof id === "number" || (typeof id === "string" && id.length <= 256)) return JSON.stringify(id);
  throw new RpcParseError("id: expected a number or null");
}

function commandOf(message: unknown): SocketRequest {
  const parsed = socketRequestSchema.safeParse(message);
  if (parsed.success) return parsed.data;
  const { field, message: why } = firstIssue(parsed.error);
  throw new RpcParseError(field === undefined ? why : `${field}: ${why}`);
}
