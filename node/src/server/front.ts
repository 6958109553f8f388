/**
 * What holds for every answer, whoever gives it: request id, CORS, security headers, and its line in the metrics. A
 * preflight is answered here.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { makeId } from "@shoal/shared/base/ids.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ServerConfig } from "./config.ts";
import type { ServerMetrics } from "./metrics.ts";

export interface Front {
  readonly listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  /** The id under which a request is logged and answered. */
  requestId(incoming: IncomingMessage): string;
  /** Says which route a request took, for the metrics. */
  routed(incoming: IncomingMessage, route: string): void;
}

interface Visit {
  readonly requestId: string;
  readonly began: number;
  route: string;
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
const HEADER_LIST = /^[A-Za-z0-9, -]{1,1024}$/;

const EXPOSED = [
  "x-auth-error",
  "x-auth-user",
  "x-auth-permissions",
  "x-request-id",
  "x-blob-id",
  "x-blob-hash",
  "x-blob-mime-type",
  "x-sse-session-id",
  "x-sse-reconnect",
  "etag",
  "retry-after",
].join(", ");

/** Pages of other sites may read the answers; nothing here may be framed, sniffed or run. Auth's pages set their own policy. */
const ALWAYS: readonly (readonly [string, string])[] = [
  ["access-control-expose-headers", EXPOSED],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
  ["referrer-policy", "no-referrer"],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
];

export function createFront(init: {
  readonly next: (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<unknown>;
  readonly origins: ServerConfig["origins"];
  readonly metrics: ServerMetrics;
  readonly clock: Pick<Clock, "monotonic">;
  readonly random: Random;
}): Front {
  const { next, metrics, clock, random } = init;
  const visits = new WeakMap<IncomingMessage, Visit>();
  const newId = requestIds(random);
  const allowOrigin = originRule(init.origins);

  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const given = incoming.headers["x-request-id"];
    const requestId = typeof given === "string" && REQUEST_ID.test(given) ? given : newId();
    const visit: Visit = { requestId, began: clock.monotonic(), route: "none" };
    visits.set(incoming, visit);
    outgoing.setHeader("x-request-id", requestId);
    for (const [name, value] of ALWAYS) outgoing.setHeader(name, value);
    allowOrigin(incoming, outgoing);
    outgoing.on("close", () => {
      const seconds = (clock.monotonic() - visit.began) / 1000;
      metrics.request(methodOf(incoming), visit.route, outgoing.headersSent ? outgoing.statusCode : 499, seconds);
    });
    if (incoming.method === "OPTIONS") return preflight(incoming, outgoing, visit);
    void next(incoming, outgoing);
  };

  return {
    listener,
    requestId: (incoming) => visits.get(incoming)?.requestId ?? newId(),
    routed: (incoming, route) => {
      const visit = visits.get(incoming);
      if (visit !== undefined) visit.route = route;
    },
  };
}

/** Ids whose randomness is fetched for many at once: asking the system for each costs more than all else here. */
function requestIds(random: Random): () => string {
  const block = 20 * 256;
  let bytes: Uint8Array = new Uint8Array();
  const drawn: Random = {
    ...random,
    bytes: (n) => {
      if (bytes.length < n) bytes = random.bytes(block);
      const taken = bytes.subarray(0, n);
      bytes = bytes.subarray(n);
      return taken;
    },
  };
  return () => makeId("request", drawn);
}

function originRule(origins: ServerConfig["origins"]): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  if (origins === "*") return (_, outgoing) => void outgoing.setHeader("access-control-allow-origin", "*");
  const allowed = new Set(origins);
  return (incoming, outgoing) => {
    const { origin } = incoming.headers;
    outgoing.setHeader("vary", "Origin");
    if (origin !== undefined && allowed.has(origin)) outgoing.setHeader("access-control-allow-origin", origin);
  };
}

function preflight(incoming: IncomingMessage, outgoing: ServerResponse, visit: Visit): void {
  visit.route = "preflight";
  const wanted = incoming.headers["access-control-request-headers"];
  outgoing.setHeader("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
  // A star would not cover Authorization.
  if (typeof wanted === "string" && HEADER_LIST.test(wanted))
    outgoing.setHeader("access-control-allow-headers", wanted);
  outgoing.setHeader("access-control-max-age", "86400");
  outgoing.writeHead(204).end();
  incoming.resume();
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

function methodOf({ method = "" }: IncomingMessage): string {
  return METHODS.has(method) ? method : "other";
}
