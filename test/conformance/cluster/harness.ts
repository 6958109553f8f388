/**
 * An API, a cluster behind it, and kubectl: what the conformance tests of the cluster talk to. The API is the stand-in, or a
 * real one where SHOAL_TEST_KUBECONFIG names its kubeconfig.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { startCluster, type Cluster, type ClusterOptions } from "@shoal/emulator/cluster/cluster.ts";
import { buildImage } from "@shoal/emulator/cluster/images/build.ts";
import { DEFAULT_HOSTS } from "@shoal/emulator/cluster/hosts.ts";
import { DEFAULT_TUNING } from "@shoal/emulator/cluster/tuning.ts";
import { startKubernetesApi } from "@shoal/emulator/kubernetes/index.ts";
import { kubernetesClient, type KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { kubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import { createObject, findObject, NAMESPACES, NODES, PODS } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { Container, NodeObject, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { eventually, systemClock } from "../../support/clock.ts";

export const NAMESPACE = "apps";

/** Times that a test can wait for; what is compared is order, never speed. */
export const QUICK = {
  leaseRenew: milliseconds(300),
  nodeGrace: milliseconds(1_500),
  nodeMonitor: milliseconds(200),
  orphanedPod: milliseconds(1_000),
  restartBase: milliseconds(400),
  restartCap: milliseconds(2_000),
};

export interface Harness {
  readonly client: KubernetesClient;
  readonly kubeconfigPath: string;
  readonly dataDir: string;
  readonly image: string;
  startHere(options?: Partial<ClusterOptions>): Promise<Cluster>;
  startProcess(env?: Record<string, string>): Promise<ChildProcess>;
  kubectl(...args: string[]): Promise<string>;
  close(): Promise<void>;
}

export async function startHarness(): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-cluster-"));
  const dataDir = join(folder, "cluster");
  const given = process.env["SHOAL_TEST_KUBECONFIG"];
  const api =
    given === undefined
      ? await startKubernetesApi({
          host: "127.0.0.1",
          port: 0,
          dataDir: join(folder, "api"),
          log: silentLog,
          clock: systemClock,
        })
      : undefined;
  const kubeconfig = api?.kubeconfigYaml ?? (await readFile(given ?? "", "utf8"));
  const kubeconfigPath = join(folder, "kubeconfig");
  await writeFile(kubeconfigPath, kubeconfig, { mode: 0o600 });
  const client = kubernetesClient({ config: await kubeConfigFrom(kubeconfig), clock: systemClock, random: seeded(7) });
  await createObject(client, NAMESPACES, { metadata: { name: NAMESPACE } }).catch(() => undefined);
  const image = await buildImage(join(dataDir, "images"), join(import.meta.dirname, "images/web"));
  const clusters: Cluster[] = [];
  const children: ChildProcess[] = [];
  return {
    client,
    kubeconfigPath,
    dataDir,
    image,
    startHere: async (options = {}) => {
      const cluster = await startCluster({ kubeconfig, dataDir, log: silentLog, tuning: QUICK, ...options });
      clusters.push(cluster);
      return cluster;
    },
    startProcess: async (env = {}) => {
      const child = spawn(process.execPath, [join(import.meta.dirname, "../../../emulator/src/cluster/process.ts")], {
        env: {
          PATH: process.env["PATH"] ?? "",
          KUBECONFIG: kubeconfigPath,
          CLUSTER_DATA_DIR: dataDir,
          CLUSTER_TUNING: JSON.stringify({ ...DEFAULT_TUNING, ...QUICK }),
          CLUSTER_HOSTS: JSON.stringify(DEFAULT_HOSTS),
          LOG_LEVEL: "error",
          ...env,
        },
        stdio: ["ignore", "pipe", "inherit"],
      });
      children.push(child);
      const lines = createInterface({ input: child.stdout });
      const first = await new Promise<string>((resolve, reject) => {
        lines.once("line", resolve);
        child.once("exit", (code) => reject(new Error(`the cluster ended with ${code}`)));
      });
      if ((JSON.parse(first) as { ready?: boolean }).ready !== true) throw new Error(first);
      return child;
    },
    kubectl: async (...args) => {
      const { stdout } = await promisify(execFile)(
        "kubectl",
        ["--kubeconfig", kubeconfigPath, "-n", NAMESPACE, ...args],
        {
          env: { ...process.env, HOME: folder },
        },
      );
      return stdout;
    },
    close: async () => {
      for (const cluster of clusters) await cluster.stop();
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        await ended;
      }
      await client.close();
      await api?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A pod that runs the web image. */
export function webPod(
  name: string,
  image: string,
  extra: Partial<Container> = {},
  spec: Partial<PodObject["spec"]> = {},
  metadata: Partial<PodObject["metadata"]> = {},
): PodObject {
  const probe = (path: string, failureThreshold: number) => ({
    httpGet: { path, port: "http" },
    periodSeconds: 1,
    timeoutSeconds: 1,
    failureThreshold,
  });
  return {
    metadata: { name, namespace: NAMESPACE, labels: { app: name }, ...metadata },
    spec: {
      terminationGracePeriodSeconds: 5,
      nodeSelector: { "workload-type": "application" },
      ...spec,
      containers: [
        {
          name: "main",
          image,
          ports: [{ name: "http", containerPort: 8080 }],
          resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "128Mi" } },
          readinessProbe: probe("/ready", 1),
          livenessProbe: probe("/health", 3),
          lifecycle: { preStop: { httpGet: { path: "/prestop", port: 8080 } } },
          ...extra,
          env: [{ name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }, ...(extra.env ?? [])],
        },
      ],
    },
  };
}

export async function podNow(client: KubernetesClient, name: string): Promise<PodObject | undefined> {
  return findObject(client, PODS, { namespace: NAMESPACE, name });
}

export async function podWhen(
  client: KubernetesClient,
  name: string,
  condition: (pod: PodObject) => boolean,
  what: string,
): Promise<PodObject> {
  let last: PodObject | undefined;
  try {
    return await eventually(async () => {
      last = await podNow(client, name);
      return last !== undefined && condition(last) ? last : undefined;
    }, `${name} ${what}`);
  } catch (thrown) {
    throw new Error(`${name} never ${what}: ${JSON.stringify(last?.status)}`, { cause: thrown });
  }
}

export async function goneWhen(client: KubernetesClient, name: string): Promise<void> {
  await eventually(async () => ((await podNow(client, name)) === undefined ? true : undefined), `${name} is gone`);
}

export async function nodeWhen(
  client: KubernetesClient,
  name: string,
  condition: (node: NodeObject) => boolean,
  what: string,
): Promise<NodeObject> {
  return eventually(async () => {
    const node = await findObject(client, NODES, { name });
    return node !== undefined && condition(node) ? node : undefined;
  }, `${name} ${what}`);
}

export function isReady(object: PodObject | NodeObject): boolean {
  return (object.status?.conditions ?? []).some((one) => one.type === "Ready" && one.status === "True");
}

/** Asks the pod itself, at its own address. */
export async function ask(pod: PodObject, path: string): Promise<string> {
  const response = await fetch(`http://${pod.status?.podIP}:8080${path}`);
  return response.text();
}
