/** `metrics`: how the control plane is, for scrapers and probes. It is given the worker's database and nothing else. */
import { getRequestListener } from "@hono/node-server";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { parseConfig, type Env } from "../config.ts";
import { createMetrics, METRICS_PATHS } from "../metrics/metrics.ts";
import { keepBodiesRaw } from "../raw-body.ts";
import { createLog, openDatabase } from "./shared.ts";

/** Two questions may be under way, one of each kind; more than that would only wait. */
const CONNECTIONS = 2;

export async function wireMetrics(env: Env): Promise<ReturnType<typeof getRequestListener>> {
  const config = parseConfig(env, ["runtime", "workerDatabase"]);
  for (const path of METRICS_PATHS) keepBodiesRaw(path);
  const log = createLog("metrics", config.runtime);
  const section = { ...config.workerDatabase, maxConnections: CONNECTIONS };
  const metrics = createMetrics({
    database: openDatabase("metrics", section, log, { statementTimeoutMs: 2000, connectTimeoutMs: 1500 }),
    clock: systemClock,
    random: systemRandom,
    log,
  });
  return getRequestListener(metrics.fetch, { overrideGlobalObjects: false });
}
