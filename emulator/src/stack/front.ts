/**
 * One address for everything that people call, as a load balancer's URL map gives it when deployed: each path goes to the
 * function that serves it. While a function's process is down its callers hear 503 and when to come back.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Transform } from "node:stream";
import { createProxyServer } from "httpxy";
import type { ErrorCode } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { ErrorBody } from "@shoal/shared/wire/error-body.ts";

/** First match wins. */
const ROUTES: readonly (readonly [RegExp, string])[] = [
  [/^\/api\/v1\/edge(\/|$)/, "edge"],
  [/^\/api\/fleet(\/|$)/, "edge"],
  [/^\/(metrics|healthz|readyz|livez)$/, "metrics"],
  [/^\//, "api"],
];

/** The platform's own limit for a request. */
const MOST_BYTES = 32 * 1024 * 1024;

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
    if (Number(request.headers["content-length"] ?? 0) > MOST_BYTES) return tooLarge(response);
    const body = limited(request, () => tooLarge(response));
    proxy
      .web(request, response, { target, ...(body === undefined ? {} : { buffer: body }) })
      .catch((thrown: unknown) => {
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

/** A body whose length is not told beforehand, counted as it passes; undefined where it is told, or where there is none. */
function limited(request: IncomingMessage, refuse: () => void): Transform | undefined {
  if (request.headers["transfer-encoding"] === undefined) return undefined;
  let bytes = 0;
  const counter = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      if (bytes <= MOST_BYTES) return done(null, chunk);
      refuse();
      done(new Error("the body is too large"));
    },
  });
  counter.on("error", () => undefined);
  return request.pipe(counter);
}

function clientHasLeft(request: IncomingMessage | undefined): boolean {
  return request?.socket.destroyed ?? false;
}

function unavailable(response: ServerResponse, name: string): void {
  refuse(response, 503, { code: "unavailable", message: `${name} is starting again` }, { "Retry-After": "1" });
}

function tooLarge(response: ServerResponse): void {
  const message = `a request may have at most ${MOST_BYTES} bytes`;
  refuse(response, 413, { code: "payload_too_large", message }, { Connection: "close" });
}

function refuse(
  response: ServerResponse,
  status: number,
  error: { readonly code: ErrorCode; readonly message: string },
  headers: Readonly<Record<string, string>>,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response
    .writeHead(status, { "Content-Type": "application/json; charset=utf-8", ...headers })
    .end(JSON.stringify({ error: { ...error, requestId: "front" } } satisfies ErrorBody));
}
