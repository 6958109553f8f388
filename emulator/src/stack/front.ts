/**
 * One address for everything that people call, as a load balancer's URL map gives it when deployed: each path goes to the
 * function that serves it. While a function's process is down its callers hear 503 and when to come back.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createProxyServer } from "httpxy";
import type { Log } from "@shoal/shared/base/log.ts";

/** First match wins. */
const ROUTES: readonly (readonly [RegExp, string])[] = [
  [/^\/api\/v1\/edge(\/|$)/, "edge"],
  [/^\/api\/fleet(\/|$)/, "edge"],
  [/^\/(metrics|healthz|readyz|livez)$/, "metrics"],
  [/^\//, "api"],
];

export interface Front {
  stop(): Promise<void>;
}

export async function startFront(options: {
  readonly port: number;
  /** `http://127.0.0.1:PORT/` of a function; undefined while it is down. */
  readonly targetOf: (functionName: string) => string | undefined;
  readonly log: Log;
}): Promise<Front> {
  const proxy = createProxyServer({ xfwd: true });
  const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const name = ROUTES.find(([pattern]) => pattern.test(path))?.[1] ?? "api";
    const target = options.targetOf(name);
    if (target === undefined) return unavailable(response, name);
    proxy.web(request, response, { target }).catch((thrown: unknown) => {
      options.log.warn({ err: thrown, function: name }, "a request did not reach its function");
      unavailable(response, name);
    });
  });
  proxy.on("error", (thrown, request, response) => {
    if (clientHasLeft(request)) return;
    options.log.warn({ err: thrown }, "a request did not reach its function");
    if (response !== undefined && "writeHead" in response) unavailable(response, "function");
  });
  // An event stream lasts longer than Node's limit for a request.
  server.requestTimeout = 0;
  server.listen(options.port, "127.0.0.1");
  await once(server, "listening");
  return {
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      proxy.close();
      await closed;
    },
  };
}

function clientHasLeft(request: IncomingMessage | undefined): boolean {
  return request?.socket.destroyed ?? false;
}

function unavailable(response: ServerResponse, name: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const error = { code: "unavailable", message: `${name} is starting again`, requestId: "front" };
  response
    .writeHead(503, { "Content-Type": "application/json; charset=utf-8", "Retry-After": "1" })
    .end(JSON.stringify({ error }));
}
