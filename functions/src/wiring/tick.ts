/** `tick`: the minute, woken by Cloud Scheduler. */
import { systemClock } from "@shoal/shared/system/clock.ts";
import { parseConfig, type Env } from "../config.ts";
import { createTick } from "../orchestrator/tick.ts";
import { createLog, openDatabase, openQueue } from "./shared.ts";

export async function wireTick(env: Env): Promise<() => Promise<void>> {
  const config = parseConfig(env, ["runtime", "workerDatabase", "queue", "cluster"]);
  const log = createLog("tick", config.runtime);
  const tick = createTick({
    database: openDatabase("tick", config.workerDatabase, log),
    queue: openQueue(config.queue, systemClock),
    clock: systemClock,
    log,
    cluster: config.cluster,
  });
  return () => tick.run();
}
