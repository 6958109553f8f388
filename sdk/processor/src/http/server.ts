/**
 * The processor's HTTP face: probes, state, metrics, and its own routes. It listens from the first moment, so that liveness
 * can be asked while a slow start goes on.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { errorReply, sendReply, type Reply } from "./body.ts";

export const SDK_VERSION = "0.1.0";
const HEADERS_TIMEOUT_MS = 10_000;
/** A state of 8 MiB over a slow edge link. */
const REQUEST_TIMEOUT_MS = 60_000;
const PORT_RANGE = { from: 8080, to: 9000 };

export type Handler = (request: IncomingMessage, url: URL) => Reply | Promise<Reply>;
/** Path -> method -> handler. */
export type HandlerTable = ReadonlyMap<string, Readonly<Record<string, Handler>>>;

export interface ListeningServer {
  readonly port: number;
  close(): Promise<void>;
}

/** `close` resolves when all answers are out; the caller bounds the wait. */
export async function serve(
  at: { readonly host: string; readonly port: number },
  table: HandlerTable,
  log: Log,
): Promise<ListeningServer> {
  const answering = new Set<ServerResponse>();
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      answering.add(response);
      response.once("close", () => answering.delete(response));
      void answer(table, request, response, log);
    },
  );
  await listen(server, at.host, at.port);
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Whoever was let in gets the whole of the answer; connections that are only kept alive are cut.
      await Promise.all([...answering].map((response) => once(response, "close")));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  table: HandlerTable,
  request: IncomingMessage,
  response: ServerResponse,
  log: Log,
): Promise<void> {
  try {
    const url = new URL(request.url ?? "/", "http://pod");
    sendReply(request, response, await route(table, request, url));
  } catch (thrown) {
    const reply = errorReply(thrown);
    if (reply.status >= 500) log.warn({ path: request.url, error: messageOf(thrown) }, "a request failed");
    sendReply(request, response, reply);
  }
}

async function route(table: HandlerTable, request: IncomingMessage, url: URL): Promise<Reply> {
  const methods = table.get(url.pathname);
  if (methods === undefined) throw new ShoalError("not_found", `nothing is served at ${url.pathname}`);
  const method = request.method === "HEAD" ? "GET" : (request.method ?? "GET");
  const handler = methods[method];
  if (handler !== undefined) return handler(request, url);
  const allowed = Object.keys(methods).join(", ");
  const refusal = errorReply(new ShoalError("method_not_allowed", `${url.pathname} takes ${allowed}`));
  return { ...refusal, headers: { allow: allowed } };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  if (port !== 0) return tryPort(server, host, port);
  for (let candidate = PORT_RANGE.from; candidate <= PORT_RANGE.to; candidate++) {
    try {
      return await tryPort(server, host, candidate);
    } catch (thrown) {
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "EADDRINUSE")) throw thrown;
    }
  }
  throw new ShoalError("unavailable", `no port from ${PORT_RANGE.from} to ${PORT_RANGE.to} is free on ${host}`);
}

function tryPort(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}
