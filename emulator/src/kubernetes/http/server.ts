/** The HTTPS server: who asks, what is made to fail, the handler, and the answer once what was written is on disk. */
import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Certificates } from "../certificates.ts";
import { createExecProxy } from "../pods/exec.ts";
import { kubeletOf } from "../pods/kubelet.ts";
import { ApiFailure, noSuchPath } from "../status.ts";
import type { User } from "../tokens.ts";
import type { Answer, Api, Call } from "./call.ts";
import { authorize, resourcePath, route } from "./routes.ts";

/** Asked by probes that have no token. */
const OPEN = /^\/(healthz|livez|readyz)(\/.*)?$|^\/version$/;
const NOBODY: User = { username: "system:anonymous", uid: "", groups: ["system:unauthenticated"] };

/** Longer than any client keeps an idle connection, so that ours is never the side that closes under a request. */
const KEEP_ALIVE_MS = 120_000;

interface ApiServer {
  readonly server: Server;
  stopExec(): void;
}

export function createApiServer(api: Api, certificates: Certificates): ApiServer {
  const server = createServer({
    cert: certificates.certificate,
    key: certificates.key,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  const exec = createExecProxy();
  server.on("request", (request, response) => {
    // A reader that left while it was written to is no fault of ours.
    response.on("error", () => response.destroy());
    void handle(api, request, response);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    upgrade(api, request, (call) => {
      const found = resourcePath(call.path);
      if (found?.name === undefined || found.subresource !== "exec" || found.collection.kind.kind !== "Pod")
        throw noSuchPath();
      authorize(call, found.collection.kind);
      const target = { ...found.collection, name: found.name };
      return exec.join(request, socket, head, kubeletOf(api, target, call.query), call.query);
    }).catch((thrown: unknown) => refuseUpgrade(socket, failureOf(api, thrown, request)));
  });
  return { server, stopExec: () => exec.stop() };
}

async function upgrade(api: Api, request: IncomingMessage, join: (call: Call) => Promise<void>): Promise<void> {
  const call = await callOf(api, request);
  api.faults.refuse(call.method);
  await join(call);
}

async function handle(api: Api, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const call = await callOf(api, request);
    api.faults.refuse(call.method);
    const answer = await route(api, call, response);
    if (call.method !== "GET") await api.store.synced();
    if (answer !== undefined) send(response, answer, call.warnings);
  } catch (thrown) {
    const failure = failureOf(api, thrown, request);
    if (response.headersSent) response.destroy();
    else send(response, failureAnswer(failure));
  }
}

async function callOf(api: Api, request: IncomingMessage): Promise<Call> {
  const url = new URL(request.url ?? "/", "https://kubernetes");
  const user = OPEN.test(url.pathname) ? NOBODY : await userOf(api, request);
  return { method: request.method ?? "GET", path: url.pathname, query: url.searchParams, user, request, warnings: [] };
}

async function userOf(api: Api, request: IncomingMessage): Promise<User> {
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const user = token === undefined || api.faults.tokensRejected ? undefined : await api.tokens.userOf(token);
  if (user === undefined) throw new ApiFailure(401, "Unauthorized", "Unauthorized");
  return user;
}

function failureOf(api: Api, thrown: unknown, request: IncomingMessage): ApiFailure {
  if (thrown instanceof ApiFailure) return thrown;
  if (thrown instanceof URIError) return noSuchPath();
  api.log.error({ err: thrown, method: request.method, url: request.url }, "a Kubernetes request failed");
  return new ApiFailure(500, "InternalError", `Internal error occurred: ${messageOf(thrown)}`, undefined, thrown);
}

function failureAnswer({ status }: ApiFailure): Answer {
  const after = status.details?.retryAfterSeconds;
  const headers = after === undefined ? {} : { "retry-after": String(after) };
  return { code: status.code, text: `${JSON.stringify(status)}\n`, headers };
}

/** More than a person reads. */
const MOST_WARNINGS = 10;

function send(response: ServerResponse, answer: Answer, warnings: readonly string[] = []): void {
  if (warnings.length > 0) {
    const quoted = warnings.slice(0, MOST_WARNINGS).map((text) => `299 - ${JSON.stringify(text)}`);
    response.setHeader("warning", quoted);
  }
  response.writeHead(answer.code, {
    "content-type": answer.type ?? "application/json",
    "cache-control": "no-cache, private",
    "content-length": Buffer.byteLength(answer.text),
    ...answer.headers,
  });
  response.end(answer.text);
}

function refuseUpgrade(socket: Duplex, { status }: ApiFailure): void {
  const text = JSON.stringify(status);
  socket.end(
    `HTTP/1.1 ${status.code} ${status.reason}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}
