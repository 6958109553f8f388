/** The sockets that the node listens on: bounded in time and number, and closed in bounded time. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ListenAddress } from "./config.ts";
import type { ServerLimits } from "./limits.ts";

export interface Listening {
  readonly urls: readonly string[];
  /** Takes nothing new, waits for what is under way until `drain` has passed, then cuts it; `cut`: what else is to be cut. */
  close(cut: () => void): Promise<void>;
}

export async function listen(init: {
  readonly addresses: readonly ListenAddress[];
  readonly onRequest: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  readonly onUpgrade: ((incoming: IncomingMessage, socket: Duplex, head: Buffer) => void) | undefined;
  readonly limits: ServerLimits;
  readonly clock: Clock;
}): Promise<Listening> {
  const servers: Server[] = [];
  try {
    for (const address of init.addresses) servers.push(await open(address, init));
  } catch (thrown) {
    for (const server of servers) server.close();
    throw thrown;
  }
  return {
    urls: servers.map(urlOf),
    close: async (cut) => {
      const closed = Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      // A connection that was busy is idle, and kept for more, once its answer is out.
      const idle = setInterval(() => servers.forEach((server) => server.closeIdleConnections()), 20);
      const drained = new AbortController();
      const late = init.clock.sleep(init.limits.drain, drained.signal).then(
        () => {
          cut();
          for (const server of servers) server.closeAllConnections();
        },
        () => undefined,
      );
      await closed;
      clearInterval(idle);
      drained.abort();
      await late;
    },
  };
}

function open({ host, port }: ListenAddress, init: Parameters<typeof listen>[0]): Promise<Server> {
  const { limits, onUpgrade } = init;
  const server = createServer(
    {
      headersTimeout: limits.headersWithin,
      requestTimeout: limits.requestWithin,
      // How often the two are looked at.
      connectionsCheckingInterval: Math.max(100, Math.min(1000, limits.headersWithin / 2)),
      keepAliveTimeout: Math.min(65_000, limits.idleConnection),
      maxHeaderSize: 32 * 1024,
      noDelay: true,
      // Any other protocol that a client would rather speak is declined by answering in this one.
      shouldUpgradeCallback: ({ headers }) => onUpgrade !== undefined && headers.upgrade?.toLowerCase() === "websocket",
    },
    init.onRequest,
  );
  server.maxConnections = limits.connections;
  cutWhereNothingMoves(server, limits);
  if (onUpgrade !== undefined) server.on("upgrade", onUpgrade);
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "EADDRINUSE" ? "the address is in use" : cause.message;
      reject(
        new ShoalError("unavailable", `cannot listen on ${host}:${port}: ${why}`, { cause, field: "server.listen" }),
      );
    });
    server.listen(port, host, () => resolve(server));
  });
}

/** A client that waits for its answer does not dawdle; one that sends nothing, or reads nothing, does. */
function cutWhereNothingMoves(server: Server, { idleConnection }: ServerLimits): void {
  const latest = new WeakMap<Socket, readonly [IncomingMessage, ServerResponse]>();
  server.on("request", (incoming, outgoing) => latest.set(incoming.socket, [incoming, outgoing]));
  server.setTimeout(idleConnection, (socket) => {
    const [incoming, outgoing] = latest.get(socket) ?? [];
    const waits = incoming?.complete === true && outgoing?.writableEnded === false && outgoing.writableLength === 0;
    if (!waits) socket.destroy();
  });
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return family === "IPv6" ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
