/** A node's server on loopback, over clients in memory. */
import type { Hono } from "hono";
import { Registry } from "prom-client";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { governanceEndpoints } from "@shoal/shared/wire/node/governance/index.ts";
import type { Guard } from "@shoal/node/auth/contract.ts";
import type { EventBus } from "@shoal/node/model/event.ts";
import type { GovernanceHandlers } from "@shoal/node/server/admin/governance/index.ts";
import type { ServerConfig } from "@shoal/node/server/config.ts";
import type { ServerLimits } from "@shoal/node/server/limits.ts";
import { createServer, type PeerPorts } from "@shoal/node/server/server.ts";
import type { Store } from "@shoal/node/storage/store.ts";
import {
  memoryBlobs,
  memoryBus,
  memoryContexts,
  memoryNetwork,
  memoryNode,
  memoryStore,
  type MemoryBlobs,
  type MemoryContexts,
} from "./clients.ts";

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly contexts: MemoryContexts;
  readonly blobs: MemoryBlobs;
  readonly bus: EventBus;
  readonly registry: Registry;
  close(): Promise<void>;
}

export const CONFIG: ServerConfig = {
  listen: [{ host: "127.0.0.1", port: 0 }],
  prefix: "",
  mode: "standard",
  enabled: { admin: true, jsonrpc: true, websocket: true, sse: true },
  origins: "*",
};

/** Governance has tests of its own: here it knows no group. */
const governance = Object.fromEntries(
  (governanceEndpoints as readonly { readonly id: string }[]).map(({ id }) => [
    id,
    () => Promise.reject(new ShoalError("not_found", "this node has no such group")),
  ]),
) as unknown as GovernanceHandlers;

export async function startServer(
  init: {
    readonly config?: Partial<ServerConfig>;
    readonly limits?: Partial<ServerLimits>;
    readonly guard?: Guard;
    readonly authRoutes?: Hono;
    readonly clock?: Clock;
    readonly store?: Pick<Store, "get" | "scan" | "apply">;
    readonly unready?: () => string | undefined;
    readonly peers?: PeerPorts;
    readonly tabFolder?: string;
  } = {},
): Promise<TestServer> {
  const contexts = memoryContexts();
  const blobs = memoryBlobs();
  const bus = memoryBus();
  const registry = new Registry();
  const server = await createServer({
    config: { ...CONFIG, ...init.config },
    contexts,
    nodes: memoryNode(blobs),
    network: memoryNetwork,
    events: bus,
    governance,
    store: init.store ?? memoryStore(),
    ...(init.guard === undefined ? {} : { guard: init.guard }),
    ...(init.authRoutes === undefined ? {} : { authRoutes: init.authRoutes }),
    ...(init.unready === undefined ? {} : { unready: init.unready }),
    ...(init.peers === undefined ? {} : { peers: init.peers }),
    ...(init.tabFolder === undefined ? {} : { tabFolder: init.tabFolder }),
    registry,
    limits: init.limits ?? {},
    log: silentLog,
    clock: init.clock ?? systemClock,
    random: systemRandom,
  });
  const [url = ""] = server.urls;
  const close = (): Promise<void> => server.close();
  return { url, contexts, blobs, bus, registry, close, [Symbol.asyncDispose]: close };
}

/**
 * A guard whose token is the list of what it allows: `Bearer a b[c]` holds the permissions `a` and `b[c]`, exactly as they
 * are asked for. The grammar is auth's.
 */
export const listGuard: Guard = {
  check: async (request, required) => {
    const given = new URL(request.url).searchParams.get("token") ?? request.headers.get("authorization") ?? "";
    const permissions = given.replace(/^Bearer /, "").split(" ");
    if (given === "") throw refusal("unauthenticated", "missing_token");
    if (permissions.includes("expired")) throw refusal("unauthenticated", "token_expired");
    if (required !== undefined && !permissions.includes("admin") && !permissions.includes(required))
      throw refusal("permission_denied", "permission_denied");
    return { keyId: permissions[0] ?? "", permissions };
  },
};

function refusal(code: "unauthenticated" | "permission_denied", authError: string): ShoalError {
  return Object.assign(new ShoalError(code, authError), { authError });
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body's JSON. */
  readonly body: Record<string, unknown>;
}

/** One request; `body` goes out as JSON. */
export async function ask(
  server: Pick<TestServer, "url">,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? {} : (JSON.parse(text) as never) };
}

let calls = 0;

/** A JSON-RPC call; gives the whole response. */
export async function rpc(
  server: Pick<TestServer, "url">,
  method: string,
  params: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return ask(server, "POST", "/jsonrpc", { jsonrpc: "2.0", id: (calls += 1), method, params }, headers);
}
