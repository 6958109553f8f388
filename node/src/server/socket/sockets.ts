/** All WebSocket clients: how they come in, how it is noticed that one is gone, and how they are sent away. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { makeId } from "@shoal/shared/base/ids.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { isStillGood, type Authorize } from "../authorize.ts";
import type { ServerLimits } from "../limits.ts";
import { CLOSE, serveConnection, type Connection, type ConnectionParts } from "./connection.ts";
import { refuse, requestOf } from "./upgrade.ts";

export interface Sockets {
  /** Takes over a request to upgrade; `path` is where it is allowed. */
  readonly onUpgrade: (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** One look at every client: whoever left the last ping unanswered goes, so does whoever's token is no longer good. */
  look(): Promise<void>;
  /** Asks everybody to go. */
  goodbye(): void;
  /** Cuts whoever is still there. */
  cut(): void;
}

interface SocketsParts extends Omit<ConnectionParts, "onSlow" | "limits"> {
  readonly path: string;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborted once the server is closed: nothing waits any more. */
  readonly closed: AbortSignal;
}

export function createSockets(init: SocketsParts): Sockets {
  const { path, limits, clock, closed, metrics, authorize, log } = init;
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.socketMessageBytes,
    perMessageDeflate: false,
    clientTracking: false,
  });
  const connections = new Set<Connection>();
  let leaving = false;

  const cutLater = (connection: Connection): void => {
    clock.sleep(limits.pongWithin, closed).then(
      () => connection.socket.terminate(),
      () => connection.socket.terminate(),
    );
  };
  const enter = (socket: WebSocket, request: Request): void => {
    const connection = serveConnection(socket, request, { ...init, onSlow: cutLater });
    connections.add(connection);
    metrics.opened("socket");
    socket.on("close", () => {
      connections.delete(connection);
      metrics.closed("socket");
    });
  };
  const admit = async (incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const request = requestOf(incoming);
    if (new URL(request.url).pathname.replace(/\/$/, "") !== path)
      throw new ShoalError("not_found", "no socket is here");
    if (leaving) throw new ShoalError("unavailable", "the node stops");
    if (connections.size >= limits.sockets)
      throw new ShoalError("unavailable", `more than ${limits.sockets} sockets`, { retryAfterSeconds: 5 });
    await authorize(request, undefined);
    server.handleUpgrade(incoming, socket, head, (webSocket) => enter(webSocket, request));
  };

  return {
    onUpgrade: (incoming, socket, head) => {
      // Until the handshake is over nobody else listens for what a dying socket says.
      socket.on("error", ignore);
      admit(incoming, socket, head).then(
        () => socket.off("error", ignore),
        (thrown: unknown) => refuse(socket, thrown, makeId("request", init.random), log),
      );
    },
    look: async () => {
      const asked = [...connections];
      for (const connection of asked) {
        connection.unanswered = true;
        connection.socket.ping();
      }
      await Promise.all(asked.map((connection) => judge(connection, authorize, cutLater)));
      await clock.sleep(limits.pongWithin, closed);
      for (const connection of asked) {
        if (!connection.unanswered || !connections.has(connection)) continue;
        metrics.dropped("socket", "silent");
        connection.socket.terminate();
      }
    },
    goodbye: () => {
      leaving = true;
      for (const connection of connections) connection.leave(CLOSE.goingAway, "the node stops");
    },
    cut: () => {
      for (const { socket } of connections) socket.terminate();
    },
  };
}

const ignore = (): void => undefined;

async function judge(
  connection: Connection,
  authorize: Authorize,
  cutLater: (left: Connection) => void,
): Promise<void> {
  if (await isStillGood(authorize, connection.request)) return;
  connection.leave(CLOSE.policy, "the token is no longer good");
  cutLater(connection);
}
