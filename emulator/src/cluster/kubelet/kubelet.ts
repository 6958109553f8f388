/**
 * A virtual kubelet: presents one host and runs the pods that are bound to it. A pod that was put on the host by name without
 * fitting is refused as the real kubelet refuses it. `cut` loses the connection to the API in both directions, the way a
 * broken link does: pods keep running, nobody hears of them.
 */
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { KubernetesError } from "@shoal/functions/adapters/kubernetes/error.ts";
import {
  CONFIG_MAPS,
  findObject,
  keyOf,
  patchObject,
  PODS,
  SECRETS,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { eventRecorder } from "../events.ts";
import type { HostDescription } from "../hosts.ts";
import { freeOn, matchesNodeAffinity, requestsOf, allocatableOf } from "../scheduler/filter.ts";
import type { ClusterTuning } from "../tuning.ts";
import type { Views } from "../views.ts";
import type { ImageStore, PodDriver, RunningContainer } from "./driver.ts";
import type { Lookups } from "./environment.ts";
import { startNodeAgent } from "./node.ts";
import { startPodWorker, type PodWorker } from "./pod-worker.ts";

export interface KubeletInit {
  readonly client: KubernetesClient;
  readonly views: Views;
  readonly host: HostDescription;
  readonly hostIp: string;
  readonly port: number;
  readonly driver: PodDriver;
  readonly images: ImageStore;
  readonly recovered: readonly RunningContainer[];
  readonly tuning: ClusterTuning;
  readonly log: Log;
}

export interface Kubelet {
  readonly name: string;
  readonly registered: Promise<void>;
  pod(namespace: string, name: string): PodWorker | undefined;
  cut(): void;
  heal(): void;
  stop(keepPods: boolean): Promise<void>;
}

export function startKubelet(init: KubeletInit): Kubelet {
  const { views, host } = init;
  const log = init.log.child({ host: host.name });
  const link = { cut: false };
  const client = gated(init.client, link);
  const events = eventRecorder(client, "kubelet", host.name);
  const workers = new Map<string, PodWorker>();
  const agent = startNodeAgent({ ...init, client, nodes: views.nodes, kubeletPort: init.port, log });

  const admit = async (pod: PodObject): Promise<void> => {
    const uid = pod.metadata.uid ?? "";
    const adopted = init.recovered.filter((one) => one.podUid === uid);
    const refusal = isFresh(pod) ? refusalOf(pod, views, host.name, new Set(workers.keys())) : undefined;
    if (refusal !== undefined) {
      events.warning({ kind: "Pod", object: pod }, refusal.reason, refusal.message);
      return refuse(client, pod, refusal);
    }
    const worker = startPodWorker(
      {
        ...init,
        client,
        log,
        events,
        adopted,
        clock: init.client.clock,
        lookups: lookupsIn(client, pod.metadata.namespace ?? "default"),
        over: () => {
          if (workers.get(uid) === worker) workers.delete(uid);
        },
      },
      pod,
    );
    workers.set(uid, worker);
  };
  const changed = (pod: PodObject): void => {
    if (pod.spec.nodeName !== host.name || link.cut) return;
    const known = workers.get(pod.metadata.uid ?? "");
    if (known !== undefined) known.update(pod);
    else {
      admit(pod).catch((thrown: unknown) => log.warn({ pod: keyOf(pod), error: messageOf(thrown) }, "not admitted"));
    }
  };
  const deleted = (pod: PodObject): void => {
    if (!link.cut) void workers.get(pod.metadata.uid ?? "")?.removed();
  };
  const leave = views.pods.listen({ changed, deleted });
  return {
    name: host.name,
    registered: agent.registered,
    pod: (namespace, name) =>
      [...workers.values()].findLast((worker) => {
        const { metadata } = worker.pod();
        return metadata.name === name && metadata.namespace === namespace;
      }),
    cut: () => {
      link.cut = true;
    },
    heal: () => {
      link.cut = false;
      const present = new Set([...views.pods.store.values()].map((pod) => pod.metadata.uid));
      for (const [uid, worker] of workers) if (!present.has(uid)) void worker.removed();
      for (const pod of views.pods.store.values()) changed(pod);
    },
    stop: async (keepPods) => {
      leave();
      await agent.stop();
      await Promise.all([...workers.values()].map(async (worker) => worker.stop(keepPods)));
    },
  };
}

/** The same client, which fails as a dead network does while the link is cut. */
function gated(client: KubernetesClient, link: { readonly cut: boolean }): KubernetesClient {
  const check = (): void => {
    if (!link.cut) return;
    throw new KubernetesError({ status: 0, reason: "NetworkError", message: "the host's link is cut" });
  };
  return {
    ...client,
    request: async (method, path, options) => {
      check();
      return client.request(method, path, options);
    },
    stream: async (path, options) => {
      check();
      return client.stream(path, options);
    },
  };
}

interface Refusal {
  readonly reason: string;
  readonly message: string;
}

const QUANTITY = { cpu: "OutOfcpu", memory: "OutOfmemory", pods: "OutOfpods" } as const;

/** No kubelet has taken it or refused it yet. */
function isFresh(pod: PodObject): boolean {
  return pod.status?.startTime === undefined && (pod.status?.phase ?? "Pending") === "Pending";
}

function refusalOf(pod: PodObject, views: Views, hostName: string, admitted: ReadonlySet<string>): Refusal | undefined {
  const node = views.nodes.store.get(hostName);
  if (node?.status?.allocatable === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined;
  if (!matchesNodeAffinity(pod, node)) {
    return {
      reason: "NodeAffinity",
      message: "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    };
  }
  // What this kubelet has admitted and the API still has: two that come together do not push each other out, and one whose
  // last traces are being removed takes no room.
  const others = [...views.pods.store.values()].filter(
    (other) =>
      admitted.has(other.metadata.uid ?? "") && other.status?.phase !== "Succeeded" && other.status?.phase !== "Failed",
  );
  const free = freeOn({ node, pods: others });
  const wanted = requestsOf(pod);
  const whole = allocatableOf(node);
  for (const name of ["cpu", "memory", "pods"] as const) {
    if (wanted[name] === 0 || wanted[name] <= free[name]) continue;
    const numbers = `requested: ${wanted[name]}, used: ${whole[name] - free[name]}, capacity: ${whole[name]}`;
    return {
      reason: QUANTITY[name],
      message: `Pod was rejected: Node didn't have enough resource: ${name}, ${numbers}`,
    };
  }
  return undefined;
}

async function refuse(client: KubernetesClient, pod: PodObject, refusal: Refusal): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  const body = { metadata: { uid }, status: { phase: "Failed", ...refusal } };
  await patchObject(client, PODS, { namespace, name }, "merge", body, { subresource: "status" });
}

function lookupsIn(client: KubernetesClient, namespace: string): Lookups {
  return {
    configMap: async (name) => {
      const found = await findObject(client, CONFIG_MAPS, { namespace, name });
      return found === undefined ? undefined : (found.data ?? {});
    },
    secret: async (name) => {
      const found = await findObject(client, SECRETS, { namespace, name });
      if (found === undefined) return undefined;
      const decode = (text: string): string => Buffer.from(text, "base64").toString("utf8");
      return Object.fromEntries(Object.entries(found.data ?? {}).map(([key, value]) => [key, decode(value)]));
    },
  };
}
