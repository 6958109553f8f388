/** `reconcile`: one pass, woken by Cloud Tasks for a slot or soon after a change. */
import { z } from "zod";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { parseConfig, type Env } from "../config.ts";
import { createOrchestrator } from "../orchestrator/pass.ts";
import { openPods } from "./pods.ts";
import { createLog, openDatabase, openQueue } from "./shared.ts";

const dataSchema = z.object({ cluster: z.string(), shard: z.int().min(0) });

export async function wireReconcile(env: Env): Promise<(data: unknown) => Promise<void>> {
  const config = parseConfig(env, ["runtime", "workerDatabase", "queue", "cluster", "pods"]);
  const log = createLog("reconcile", config.runtime);
  const orchestrator = createOrchestrator({
    database: openDatabase("reconcile", config.workerDatabase, log),
    pods: await openPods(config.cluster, config.pods, log),
    queue: openQueue(config.queue, systemClock),
    clock: systemClock,
    log,
  });
  return async (data) => {
    const { cluster, shard } = dataSchema.parse(data);
    // Another deploy looks after another cluster; a wake-up that strays here is not ours to act on.
    if (cluster !== config.cluster.name) return;
    const result = await orchestrator.pass({ clusterId: cluster, shard });
    if (result.kind === "done" && result.wrote)
      log.info({ looked: result.looked, actions: result.actions.length, tookMs: result.tookMs }, "pass");
  };
}
