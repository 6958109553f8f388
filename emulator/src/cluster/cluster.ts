/**
 * The cluster behind a Kubernetes API: scheduler, garbage collector, node lifecycle, disruption budgets and one virtual
 * kubelet per host, all of them plain clients of the API, so that they run behind the stand-in and behind a real
 * kube-apiserver alike. Wiring only: what each part does is in its own file.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { kubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { kubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { startDisruption } from "./disruption.ts";
import { processDriver } from "./drivers/process.ts";
import { startGarbageCollector } from "./garbage-collector/collector.ts";
import { DEFAULT_HOSTS, type HostDescription } from "./hosts.ts";
import { imageStore } from "./images/store.ts";
import type { ImageStore, RunningContainer } from "./kubelet/driver.ts";
import { startKubelet, type Kubelet } from "./kubelet/kubelet.ts";
import { startKubeletServer } from "./kubelet/server.ts";
import { startNodeLifecycle } from "./node-lifecycle.ts";
import { startScheduler, type Controller } from "./scheduler/scheduler.ts";
import { startTaintEviction } from "./taint-eviction.ts";
import { DEFAULT_TUNING, type ClusterTuning } from "./tuning.ts";
import { allViews, startViews, type Views } from "./views.ts";

export type ClusterPart = "controllers" | "kubelets";

export interface ClusterOptions {
  /** Text of a kubeconfig. */
  readonly kubeconfig: string;
  /** Pods' logs and pid files, and `images/`. Made where missing; one cluster at a time. */
  readonly dataDir: string;
  readonly log: Log;
  readonly hosts?: readonly HostDescription[];
  readonly clock?: Clock;
  readonly tuning?: Partial<ClusterTuning>;
  /** Default: those in `dataDir/images`. */
  readonly images?: ImageStore;
  /** Pods outlive this process and are adopted by the next. Otherwise they end with it, however it ends. */
  readonly keepPods?: boolean;
  /** Default: both. A real control plane brings its own controllers. */
  readonly parts?: readonly ClusterPart[];
}

export interface Cluster {
  /** Where the kubelets answer for logs and exec. */
  readonly kubeletPort: number;
  /** Resolves when the host is registered. */
  addHost(host: HostDescription): Promise<void>;
  /** Ends the host's kubelet and its pods' processes, as a power cut does; its Node object stays for others to notice. */
  removeHost(name: string): Promise<void>;
  /** Cuts the host's link to the API: its pods keep running, nobody hears of them. */
  cut(name: string): void;
  heal(name: string): void;
  stop(): Promise<void>;
}

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { log, dataDir } = options;
  const clock = options.clock ?? systemClock;
  const tuning = { ...DEFAULT_TUNING, ...options.tuning };
  const keepPods = options.keepPods ?? false;
  await mkdir(join(dataDir, "images"), { recursive: true });
  const config = await kubeConfigFrom(options.kubeconfig);
  const client = kubernetesClient({ config, clock, random: systemRandom, userAgent: "shoal-cluster" });
  const driver = await processDriver({ dataDir, log, clock, keep: keepPods });
  const images = options.images ?? imageStore(join(dataDir, "images"));
  const views = startViews(client, log);
  const kubelets = new Map<string, Kubelet>();
  const server = await startKubeletServer({
    driver,
    clock,
    find: (namespace, name) =>
      [...kubelets.values()].map((one) => one.pod(namespace, name)).find((pod) => pod !== undefined),
  });
  const parts = options.parts ?? ["controllers", "kubelets"];
  const controllers = parts.includes("controllers") ? startControllers({ client, views, log, tuning }) : [];
  const recovered = await driver.recover();
  const hosts = parts.includes("kubelets") ? (options.hosts ?? DEFAULT_HOSTS) : [];
  // A kubelet that does not know which pods there are would take the processes of a former life for orphans.
  await Promise.all([views.pods.synced, views.nodes.synced]);
  await endOrphans(recovered, views, new Set(hosts.map((host) => host.name)), log);
  await driver.forgetOthers(new Set([...views.pods.store.values()].map((pod) => pod.metadata.uid ?? "")));

  const addHost = async (host: HostDescription): Promise<void> => {
    const hostIp = "127.0.0.1";
    const init = { client, views, host, hostIp, port: server.port, driver, images, recovered, tuning, log };
    const kubelet = startKubelet(init);
    kubelets.set(host.name, kubelet);
    await kubelet.registered;
  };
  await Promise.all(hosts.map(addHost));
  return {
    kubeletPort: server.port,
    addHost,
    removeHost: async (name) => {
      const kubelet = kubelets.get(name);
      kubelets.delete(name);
      await kubelet?.stop(false);
    },
    cut: (name) => kubelets.get(name)?.cut(),
    heal: (name) => kubelets.get(name)?.heal(),
    stop: async () => {
      await Promise.all(controllers.map(async (controller) => controller.stop()));
      await Promise.all([...kubelets.values()].map(async (kubelet) => kubelet.stop(keepPods)));
      await server.stop();
      await Promise.all(allViews(views).map(async (view) => view.stop()));
      await client.close();
    },
  };
}

function startControllers(init: Parameters<typeof startNodeLifecycle>[0]): readonly Controller[] {
  return [
    startScheduler(init),
    startGarbageCollector(init),
    startNodeLifecycle(init),
    startTaintEviction(init),
    startDisruption(init),
  ];
}

/** Processes of a former life whose pods are gone, ended, or somebody else's. */
async function endOrphans(
  recovered: readonly RunningContainer[],
  views: Views,
  hosts: ReadonlySet<string>,
  log: Log,
): Promise<void> {
  for (const container of recovered) {
    const pod = [...views.pods.store.values()].find((one) => one.metadata.uid === container.podUid);
    const phase = pod?.status?.phase;
    const over = phase === "Succeeded" || phase === "Failed";
    if (pod !== undefined && !over && hosts.has(pod.spec.nodeName ?? "")) {
      log.info({ pod: pod.metadata.name, container: container.container }, "adopted a container of an earlier run");
      continue;
    }
    log.info({ podUid: container.podUid, container: container.container }, "ended a container whose pod is gone");
    container.kill("SIGKILL");
    await container.exited;
  }
}
