/** The cluster's API, as the functions that touch it share it. */
import { readFile } from "node:fs/promises";
import { kubernetesClient, type KubernetesClient } from "../adapters/kubernetes/client.ts";
import { kubeConfigFrom } from "../adapters/kubernetes/credentials.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import type { Sections } from "../config.ts";

/** The kubeconfig is a file, since that is how secrets are mounted. */
export async function openCluster({ kubeconfig }: Sections["cluster"]): Promise<KubernetesClient> {
  const config = await kubeConfigFrom(await readFile(kubeconfig, "utf8"));
  return kubernetesClient({ config, clock: systemClock, random: systemRandom, userAgent: "shoal" });
}
