/**
 * The node's face to its clients: REST, JSON-RPC, WebSocket and event streams on one port. It knows contexts, node and
 * network by their clients only, and who may call by the guard.
 */
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import type { Registry } from "prom-client";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { hours, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { NODE_ENDPOINTS } from "@shoal/shared/wire/node/index.ts";
import type { Guard } from "../auth/contract.ts";
import type { ContextClient } from "../clients/context-client.ts";
import type { NetworkClient } from "../clients/network-client.ts";
import type { BlobFinder, NodeClient } from "../clients/node-client.ts";
import type { ContextId, PublicKey } from "../model/ids.ts";
import type { EventBus } from "../model/event.ts";
import type { Store } from "../storage/store.ts";
import type { GovernanceHandlers } from "./admin/governance/index.ts";
import { createAuthorize, type Authorize } from "./authorize.ts";
import type { ServerConfig } from "./config.ts";
import { createHub, type Hub } from "./events/hub.ts";
import { createFront, type Front } from "./front.ts";
import { allHandlers } from "./handlers.ts";
import { SERVER_LIMITS, type ServerLimits } from "./limits.ts";
import { listen } from "./listen.ts";
import { serverMetrics, type ServerMetrics } from "./metrics.ts";
import { createRoad } from "./road.ts";
import { createRouter } from "./router.ts";
import { createCalls, type Calls } from "./rpc/calls.ts";
import { createExecutors } from "./rpc/executors.ts";
import { createRpcOverHttp } from "./rpc/http.ts";
import { createSockets } from "./socket/sockets.ts";
import { openSessions } from "./sse/sessions.ts";
import { createEventStreams, type EventStreams } from "./sse/streams.ts";
import { createTab } from "./tab.ts";

/** What takes other nodes. */
export interface PeerPorts {
  readonly finder: BlobFinder;
  /**
   * Takes part in a context of a group that this node is in; resolves with who acts there. Rejects `not_found` for a context
   * that no group here has, `permission_denied` where the account may not enter.
   */
  readonly join: (contextId: ContextId) => Promise<PublicKey>;
}

export interface ServerParts {
  readonly config: ServerConfig;
  readonly contexts: ContextClient;
  readonly nodes: NodeClient;
  readonly network: NetworkClient;
  readonly events: EventBus;
  readonly governance: GovernanceHandlers;
  /** Absent for a node that stands alone. */
  readonly peers?: PeerPorts;
  /** Sessions of event streams are kept in it. */
  readonly store: Pick<Store, "get" | "scan" | "apply">;
  /** Without one everybody may do everything (proxy mode). */
  readonly guard?: Guard;
  /** `/auth/*` and `/admin/*`, in embedded mode. */
  readonly authRoutes?: Hono;
  /** Where the built page of a node in a browser tab is; without it, beside the program. */
  readonly tabFolder?: string;
  readonly registry: Registry;
  /** Why the node takes no work at present; undefined while it does. */
  readonly unready?: () => string | undefined;
  readonly limits?: Partial<ServerLimits>;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
}

export interface NodeServer {
  /** One for each address of the configuration, in its order, without the prefix. */
  readonly urls: readonly string[];
  /** Ends in bounded time, whatever clients do. */
  close(): Promise<void>;
}

/** What the faces of the server share. */
interface Core extends ServerParts {
  readonly limits: ServerLimits;
  readonly authorize: Authorize;
  readonly metrics: ServerMetrics;
  readonly hub: Hub;
  readonly calls: Calls;
  readonly closed: AbortSignal;
}

/** Listens on every address of `config`; rejects `unavailable` where one cannot be had. */
export async function createServer(parts: ServerParts): Promise<NodeServer> {
  const { config, contexts, clock, log } = parts;
  const closed = new AbortController();
  const limits: ServerLimits = { ...SERVER_LIMITS, ...parts.limits };
  const sessions = await openSessions({ ...parts, life: limits.sessionLife, most: limits.sessions });
  const metrics = serverMetrics(parts.registry);
  const authorize = createAuthorize(parts.guard, contexts);
  const readOnly = config.mode === "read-only";
  const calls = createCalls({ contexts, executors: createExecutors(contexts), authorize, metrics, clock, readOnly });
  const hub = createHub(parts.events);
  const core: Core = { ...parts, limits, authorize, metrics, hub, calls, closed: closed.signal };

  const streams = createEventStreams({ ...core, sessions });
  const sockets = createSockets({ ...core, path: `${config.prefix}/ws` });
  const front = frontOf(core, streams);
  const listening = await listen({
    addresses: config.listen,
    onRequest: front.listener,
    onUpgrade: config.enabled.websocket ? sockets.onUpgrade : undefined,
    limits,
    clock,
  }).catch((thrown: unknown) => {
    hub.close();
    throw thrown;
  });
  const look = async (): Promise<void> => {
    await Promise.all([sockets.look(), streams.look()]);
  };
  const work = keepWatch(core, look, () => sessions.sweep());
  log.info({ urls: listening.urls }, "the node's API is open");
  return {
    urls: listening.urls,
    close: async () => {
      sockets.goodbye();
      streams.goodbye();
      hub.close();
      await listening.close(() => sockets.cut());
      closed.abort(new Error("the server is closed"));
      await work;
    },
  };
}

function frontOf(core: Core, streams: EventStreams): Front {
  const { config, limits, log, authorize } = core;
  const road = createRoad({ authorize, limits, log });
  const rpcBody = { bytes: limits.rpcBodyBytes, withinMs: limits.bodyWithin };
  const { admin, sse, jsonrpc } = config.enabled;
  const front = createFront({
    ...core,
    origins: config.origins,
    next: (incoming, outgoing) => listener(incoming, outgoing),
  });
  const router = createRouter({
    prefix: config.prefix,
    endpoints: NODE_ENDPOINTS.filter(({ path }) =>
      path.startsWith("/sse") ? sse : admin || !path.startsWith("/admin-api"),
    ),
    handlers: allHandlers({
      ...core,
      streams,
      maxBlobBytes: limits.blobBytes,
      unready: core.unready ?? (() => undefined),
      certificate: config.certificate,
    }),
    rpc: jsonrpc ? createRpcOverHttp({ ...core, limits: rpcBody }) : undefined,
    authRoutes: core.authRoutes,
    tab: createTab({ network: core.network, ...(core.tabFolder === undefined ? {} : { folder: core.tabFolder }) }),
    road,
    front,
  });
  const listener = getRequestListener(router.fetch);
  return front;
}

/** Looks after clients that are connected for long, until the server is closed. */
async function keepWatch(core: Core, look: () => Promise<void>, sweep: () => Promise<void>): Promise<void> {
  const { clock, limits, closed, log } = core;
  const every = async (span: DurationMs, what: string, work: () => Promise<void>): Promise<void> => {
    while (!closed.aborted) {
      await clock.sleep(span, closed).catch(() => undefined);
      if (closed.aborted) return;
      // Not waited for: a look ends with the answers to its pings, and the next is due by the clock.
      work().catch((err: unknown) => {
        if (!closed.aborted) log.error({ err }, `${what} failed`);
      });
    }
  };
  await Promise.all([every(limits.pingEvery, "looking after clients", look), every(SWEEP, "sweeping sessions", sweep)]);
}

const SWEEP = hours(1);
