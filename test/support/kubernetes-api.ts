/** A Kubernetes API without a cluster behind it, with a client whose every request a test may count, fail or lose the answer of. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startKubernetesApi, type KubernetesApi } from "@shoal/emulator/kubernetes/index.ts";
import { kubernetesClient, type KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { kubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { systemClock } from "./clock.ts";

export interface TestKubernetes {
  readonly faults: KubernetesApi["faults"];
  /** As it is, for looking past the fault. */
  readonly client: KubernetesClient;
  stop(): Promise<void>;
}

export async function testKubernetes(): Promise<TestKubernetes> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-kubernetes-"));
  const api = await startKubernetesApi({
    host: "127.0.0.1",
    port: 0,
    dataDir: folder,
    log: silentLog,
    clock: systemClock,
  });
  const config = await kubeConfigFrom(api.kubeconfigYaml);
  const client = kubernetesClient({ config, clock: systemClock, random: seeded(1) });
  return {
    faults: api.faults,
    client,
    stop: async () => {
      await client.close();
      await api.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** `act` is the request itself; what is thrown before or after it is what the caller sees. */
export type AroundRequest = <T>(method: string, path: string, act: () => Promise<T>) => Promise<T>;

export const around = (client: KubernetesClient, stand: AroundRequest): KubernetesClient => ({
  ...client,
  request: (method, path, options) => stand(method, path, () => client.request(method, path, options)),
});
