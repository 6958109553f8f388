/**
 * The Manager: request -> intent. It is given its parts and imports no adapter; a function, a test and a simulation serve the
 * same `fetch`. It keeps nothing that an instance started beside it would miss: what it remembers is bounded and short-lived.
 */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Pods } from "@shoal/shared/ports/pods.ts";
import { ENDPOINTS } from "@shoal/shared/wire/endpoints/index.ts";
import type { Database } from "../store/database.ts";
import { accountHandlers } from "./accounts.ts";
import { auditHandlers } from "./audit.ts";
import type { Handlers } from "./call.ts";
import { eventHandlers } from "./events.ts";
import { createFeed } from "./feed/feed.ts";
import { createOperationWaits } from "./feed/operation-waits.ts";
import { createPulse } from "./feed/pulse.ts";
import { createStreams } from "./feed/streams.ts";
import type { IdTokenVerifier } from "./id-token.ts";
import { keyHandlers } from "./keys.ts";
import { DEFAULT_LIMITS, type ManagerLimits } from "./limits.ts";
import { logHandlers } from "./logs.ts";
import { memberHandlers } from "./members.ts";
import { openApiDocument } from "./openapi.ts";
import { operationHandlers } from "./operations.ts";
import { processorHandlers } from "./processors.ts";
import { ok } from "./reply.ts";
import { createAuthenticator } from "./road/authenticate.ts";
import { createRateLimiter } from "./road/rate-limit.ts";
import { createRoad } from "./road/serve.ts";
import { createRouter } from "./router.ts";
import { templateHandlers } from "./templates.ts";
import { createUnits } from "./unit.ts";
import { versionHandlers } from "./versions.ts";
import { createWaker } from "./wake.ts";

export interface ManagerInit {
  /** A login that may become `shoal_tenant` and `shoal_accounts`. */
  readonly database: Pick<Database, "asTenant" | "asAccounts">;
  readonly clock: Clock;
  /** Tokens are made of it: the operating system's generator, except in tests. */
  readonly random: Random;
  readonly log: Log;
  readonly verifyIdToken: IdTokenVerifier;
  /** Enqueues a wake-up of the dispatcher. */
  readonly wakeDispatch: () => Promise<void>;
  readonly logs: Pods["logs"];
  /** Shown in the OpenAPI document. */
  readonly version: string;
  readonly limits?: Partial<ManagerLimits>;
}

export interface Manager {
  /** Answers any request; never rejects. `env` is what the HTTP server knows of the connection. */
  readonly fetch: (request: Request, env?: object) => Promise<Response>;
  /** Ends streams and stops looking for changes; the database stays its owner's to close. */
  readonly close: () => void;
}

export function createManager(init: ManagerInit): Manager {
  const { database, clock, random, log } = init;
  const limits: ManagerLimits = { ...DEFAULT_LIMITS, ...init.limits };
  const authenticator = createAuthenticator({ database, clock, log, cacheMs: limits.credentialCacheMs });
  const pulse = createPulse({ database, clock, log });
  const streams = createStreams({ clock, log, limits });
  const feed = createFeed({ database, pulse, clock, windowEvents: limits.streamBufferEvents });
  const units = createUnits({
    database,
    random,
    knocked: createWaker({ wakeDispatch: init.wakeDispatch, log, clock, atMostMs: limits.wakeMaxMs }),
    committed: pulse.committed,
    isConfidential: (id) => ENDPOINTS[id].confidential,
    isRepeatable: (id) => !ENDPOINTS[id].idempotent,
  });
  const parts = { database, units, clock, random, forget: authenticator.forget };
  let document: ReturnType<typeof openApiDocument> | undefined;
  const handlers: Handlers = {
    "openapi.get": async () => ok((document ??= openApiDocument(init.version))),
    ...accountHandlers({ ...parts, verifyIdToken: init.verifyIdToken }),
    ...memberHandlers(parts),
    ...keyHandlers(parts),
    ...templateHandlers(parts),
    ...versionHandlers(parts),
    ...processorHandlers(parts),
    ...logHandlers({ database, logs: init.logs, streams, clock }),
    ...operationHandlers({ ...parts, waits: createOperationWaits(database, pulse) }),
    ...eventHandlers({ database, feed, streams, heartbeatMs: limits.heartbeatMs }),
    ...auditHandlers(database),
  };
  const road = createRoad({ authenticator, rates: createRateLimiter(clock), limits, clock, log });
  const app = createRouter({ handlers, road, random, limits });
  return {
    fetch: async (request, env) => app.fetch(request, env),
    close: () => {
      streams.close();
      pulse.close();
    },
  };
}
