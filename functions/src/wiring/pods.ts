/** Pods of the cluster, for the functions that change them. */
import type { Log } from "@shoal/shared/base/log.ts";
import { createPods } from "../adapters/kubernetes/pods/index.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import type { Sections } from "../config.ts";
import { openCluster } from "./cluster.ts";

export async function openPods(
  cluster: Sections["cluster"],
  secrets: Sections["pods"],
  log: Log,
): Promise<ReturnType<typeof createPods>> {
  return createPods({ client: await openCluster(cluster), clock: systemClock, log, secrets });
}
