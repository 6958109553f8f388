/**
 * The functions as they are deployed: what each is, how it is scaled, retried and scheduled, and nothing of what it does. A
 * function loads its wiring when its process is told to serve it, so that a cold start loads no other's; a deploy's discovery
 * loads this file alone and needs no configuration.
 */
import { onRequest } from "firebase-functions/v2/https";
import { onSchedule } from "firebase-functions/v2/scheduler";
import { onTaskDispatched } from "firebase-functions/v2/tasks";
import { served } from "./served.ts";

const api_ = served("api", async () => (await import("./wiring/api.ts")).wireApi(process.env));
const edge_ = served("edge", async () => (await import("./wiring/edge.ts")).wireEdge(process.env));
const metrics_ = served("metrics", async () => (await import("./wiring/metrics.ts")).wireMetrics(process.env));
const dispatch_ = served("dispatch", async () => (await import("./wiring/dispatch.ts")).wireDispatch(process.env));
const reconcile_ = served("reconcile", async () => (await import("./wiring/reconcile.ts")).wireReconcile(process.env));
const tick_ = served("tick", async () => (await import("./wiring/tick.ts")).wireTick(process.env));

/** Event streams and followed logs live for up to 55 minutes. */
const STREAM_SECONDS = 3600;

export const api = onRequest(
  { invoker: "public", timeoutSeconds: STREAM_SECONDS, concurrency: 250, memory: "512MiB", cpu: 1 },
  async (request, response) => (await api_())(request, response),
);

/** Many small requests; scaled by itself, so that people and edges do not wait for each other. */
export const edge = onRequest(
  { invoker: "public", timeoutSeconds: 30, concurrency: 500, memory: "512MiB", cpu: 1 },
  async (request, response) => (await edge_())(request, response),
);

export const metrics = onRequest(
  { invoker: "private", timeoutSeconds: 30, concurrency: 20, memory: "512MiB", cpu: 1 },
  async (request, response) => (await metrics_())(request, response),
);

/** A wake-up claims whatever is due: more than a few at once would only share the same work. */
export const dispatch = onTaskDispatched(
  {
    retryConfig: { maxAttempts: 5, minBackoffSeconds: 1, maxBackoffSeconds: 30, maxDoublings: 4 },
    rateLimits: { maxConcurrentDispatches: 4 },
    timeoutSeconds: 540,
    concurrency: 4,
    memory: "512MiB",
    cpu: 1,
  },
  async (request) => (await dispatch_())(request.data),
);

export const reconcile = onTaskDispatched(
  {
    retryConfig: { maxAttempts: 3, minBackoffSeconds: 1, maxBackoffSeconds: 10, maxDoublings: 3 },
    rateLimits: { maxConcurrentDispatches: 16 },
    timeoutSeconds: 120,
    concurrency: 16,
    memory: "512MiB",
    cpu: 1,
  },
  async (request) => (await reconcile_())(request.data),
);

export const tick = onSchedule(
  { schedule: "every 1 minutes", timeZone: "Etc/UTC", retryCount: 2, minBackoffSeconds: 5, timeoutSeconds: 55 },
  async () => (await tick_())(),
);
