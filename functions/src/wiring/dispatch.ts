/** `dispatch`: the dispatcher, woken by Cloud Tasks. */
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { parseConfig, type Env } from "../config.ts";
import { createDispatcher } from "../dispatcher/dispatcher.ts";
import { openPods } from "./pods.ts";
import { createLog, openDatabase, openQueue } from "./shared.ts";

export async function wireDispatch(env: Env): Promise<(data: unknown) => Promise<void>> {
  const config = parseConfig(env, ["runtime", "workerDatabase", "queue", "cluster", "pods"]);
  const log = createLog("dispatch", config.runtime);
  const dispatcher = createDispatcher({
    database: openDatabase("dispatch", config.workerDatabase, log),
    pods: await openPods(config.cluster, config.pods, log),
    queue: openQueue(config.queue, systemClock),
    clock: systemClock,
    random: systemRandom,
    log,
    imagePullSecret: config.cluster.imagePullSecret,
    clusterId: config.cluster.name,
  });
  return async () => {
    const result = await dispatcher.wake();
    if (result !== undefined && result.claimed > 0) log.info({ ...result }, "dispatched");
  };
}
