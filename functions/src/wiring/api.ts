/** `api`: the Manager. Of the cluster it may read logs, nothing else, and asks for it when the first log is read. */
import { getRequestListener } from "@hono/node-server";
import about from "../../package.json" with { type: "json" };
import type { Pods } from "@shoal/shared/ports/pods.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { parseConfig, type Env } from "../config.ts";
import { createIdTokenVerifier } from "../manager/id-token.ts";
import { createManager } from "../manager/manager.ts";
import { keepBodiesRaw } from "../raw-body.ts";
import { served } from "../served.ts";
import { createLog, openDatabase, openQueue } from "./shared.ts";

export async function wireApi(env: Env): Promise<ReturnType<typeof getRequestListener>> {
  const config = parseConfig(env, ["runtime", "managerDatabase", "queue", "identity", "cluster"]);
  keepBodiesRaw("/api/");
  const log = createLog("api", config.runtime);
  const queue = openQueue(config.queue, systemClock);
  const podLogs = served("", async () => {
    const [{ openCluster }, { createPodLogs }] = await Promise.all([
      import("./cluster.ts"),
      import("../adapters/kubernetes/pods/index.ts"),
    ]);
    return createPodLogs(await openCluster(config.cluster));
  });
  const logs: Pods["logs"] = async (namespace, name, options) => (await podLogs())(namespace, name, options);
  const manager = createManager({
    database: openDatabase("api", config.managerDatabase, log),
    clock: systemClock,
    random: systemRandom,
    log,
    verifyIdToken: createIdTokenVerifier({ ...config.identity, clock: systemClock }),
    wakeDispatch: async () => void (await queue.wake({ queue: "dispatch", data: {} })),
    logs,
    version: about.version,
    limits: { trustedProxies: config.runtime.trustedProxies },
  });
  return getRequestListener(manager.fetch, { overrideGlobalObjects: false });
}
