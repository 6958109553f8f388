/** The table of what a processor serves: its probes, its state, its metrics and its own routes. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { SDK_VERSION_HEADER } from "@shoal/shared/wire/state-headers.ts";
import type { Reply } from "../http/body.ts";
import { metricsPage, type Readings } from "../http/metrics.ts";
import { SDK_VERSION, type Handler, type HandlerTable } from "../http/server.ts";
import { stateRoute } from "../http/state-route.ts";
import type { Parts } from "./parts.ts";

/** `prestop` begins the stop and resolves when the state is saved. */
export function faceOf(parts: Parts, prestop: () => Promise<boolean>): HandlerTable {
  const { config, desk, life, log } = parts;
  const { http } = config;
  if (http.stateToken === undefined)
    log.warn({}, "DORY_STATE_TOKEN is not set: anybody who reaches /state may have it");
  const table = new Map<string, Record<string, Handler>>();
  const get = (paths: readonly string[], handler: Handler): void => {
    for (const path of paths) table.set(path, { GET: handler });
  };
  get([http.healthPath, "/health", "/healthz"], () => health(parts));
  get([http.readyPath, "/ready"], () => readiness(parts));
  const metrics = metricsPage(() => readings(parts));
  get([http.metricsPath, "/metrics"], async () => {
    const { text, contentType } = await metrics();
    return { status: 200, body: text, headers: { "content-type": contentType } };
  });
  get(["/prestop"], async () => {
    if (await prestop()) return { status: 200, body: { stopped: true } };
    throw new ShoalError("internal", "the stop did not keep everything; the log says what");
  });
  get(["/"], () => ({ status: 200, body: about(parts) }));
  const state = stateRoute({
    desk,
    token: http.stateToken,
    maxBytes: config.limits.maxStateBytes,
    monotonic: () => parts.clock.monotonic(),
    checkRunning: () => {
      if (life.state === "RUNNING") return;
      throw new ShoalError("unavailable", `the processor is ${life.state}`, { retryAfterSeconds: 1 });
    },
  });
  table.set("/state", { GET: state, POST: state });
  addOwnRoutes(parts, table);
  return table;
}

function addOwnRoutes(parts: Parts, table: Map<string, Record<string, Handler>>): void {
  const reserved = new Set(table.keys());
  for (const [key, handler] of Object.entries(parts.processor.routes())) {
    const [method = "", path = ""] = key.split(" ", 2);
    if (reserved.has(path)) throw new ShoalError("invalid_argument", `route ${key}: ${path} is the SDK's own`);
    const methods = table.get(path) ?? {};
    methods[method] = (request, url) => parts.intake.handle(handler, request, url);
    table.set(path, methods);
  }
}

function health(parts: Parts): Reply {
  const headers = { [SDK_VERSION_HEADER]: SDK_VERSION };
  const { problem } = parts.health;
  const failed = parts.life.state === "FAILED";
  if (problem === undefined && !failed) return { status: 200, body: { status: "healthy", ...about(parts) }, headers };
  return { status: 503, body: { status: "unhealthy", problem: problem ?? "failed", ...about(parts) }, headers };
}

function readiness(parts: Parts): Reply {
  const ready = isReady(parts);
  return { status: ready ? 200 : 503, body: { ready, state: parts.life.state, role: parts.fence.role } };
}

function isReady(parts: Parts): boolean {
  return parts.life.state === "RUNNING" && parts.fence.role === "PRIMARY" && parts.intake.isOpen;
}

function about(parts: Parts): object {
  const { identity } = parts.config;
  return {
    processor_id: identity.processorId,
    pod_name: identity.podName,
    app_version: identity.appVersion,
    epoch: identity.epoch,
    state: parts.life.state,
    role: parts.fence.role,
    ...(parts.fence.because === undefined ? {} : { standby_because: parts.fence.because }),
    sdk_version: SDK_VERSION,
  };
}

function readings(parts: Parts): Readings {
  const { counters, desk } = parts;
  return {
    ...counters,
    ready: isReady(parts),
    standby: parts.fence.role === "STANDBY",
    stateBytes: desk.lastSave.bytes,
    stateSequence: desk.lastSave.sequence,
    lastSaveSeconds: (desk.lastSave.at ?? 0) / 1000,
    epoch: parts.config.identity.epoch,
    output: parts.output.readings?.(),
  };
}
