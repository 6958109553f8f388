/**
 * A host as its kubelet presents it: registers the Node object, renews the Lease, and says again that it is Ready when
 * somebody has called it Unknown. Whoever deletes the Node object means it: it is not registered again.
 */
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { isConflict, isNotFound, KubernetesError } from "@shoal/functions/adapters/kubernetes/error.ts";
import {
  createObject,
  findObject,
  getObject,
  LEASES,
  NAMESPACES,
  NODES,
  patchObject,
  replaceObject,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { KubernetesCondition, LeaseObject, NodeObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds, toIso } from "@shoal/shared/base/time.ts";
import type { HostDescription } from "../hosts.ts";
import type { ClusterTuning } from "../tuning.ts";
import { NODE_LEASES, type View } from "../views.ts";

export interface NodeAgent {
  /** Resolves once the host was registered and called itself Ready. */
  readonly registered: Promise<void>;
  stop(): Promise<void>;
}

export interface NodeAgentInit {
  readonly client: KubernetesClient;
  readonly nodes: View<NodeObject>;
  readonly host: HostDescription;
  readonly hostIp: string;
  readonly kubeletPort: number;
  readonly log: Log;
  readonly tuning: ClusterTuning;
}

export function startNodeAgent(init: NodeAgentInit): NodeAgent {
  const { client, host, log, tuning } = init;
  const controller = new AbortController();
  const { signal } = controller;
  let markRegistered = (): void => undefined;
  const registered = new Promise<void>((resolve) => {
    markRegistered = resolve;
  });
  const attempt = async (what: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (thrown) {
      if (!signal.aborted) log.debug({ host: host.name, error: messageOf(thrown) }, `${what} failed`);
      return false;
    }
  };
  const running = (async () => {
    while (!signal.aborted && !(await attempt("registering a host", async () => register(init)))) {
      await client.clock.sleep(milliseconds(500), signal).catch(() => undefined);
    }
    markRegistered();
    let lease: LeaseObject | undefined;
    while (!signal.aborted) {
      const renewed = await attempt("renewing a lease", async () => {
        lease = await renew(init, lease);
      });
      if (!renewed) lease = undefined;
      await client.clock
        .sleep(renewed ? tuning.leaseRenew : milliseconds(tuning.leaseRenew / 5), signal)
        .catch(() => undefined);
      await attempt("saying that a host is ready", async () => repair(init));
    }
  })();
  return {
    registered,
    stop: async () => {
      controller.abort();
      await running;
    },
  };
}

async function register(init: NodeAgentInit): Promise<void> {
  const { client, host } = init;
  const labels = { "kubernetes.io/hostname": host.name, ...host.labels };
  let node: NodeObject | undefined = await findObject(client, NODES, { name: host.name });
  if (node === undefined) {
    const fresh: NodeObject = {
      metadata: { name: host.name, labels },
      spec: { taints: host.taints, providerID: `shoal://${host.name}` },
    };
    node = await createObject(client, NODES, fresh);
  } else {
    // Taints and cordons of a host that is known belong to whoever set them.
    node = await patchObject(client, NODES, { name: host.name }, "merge", { metadata: { labels } });
  }
  await writeStatus(init, node);
}

async function repair(init: NodeAgentInit): Promise<void> {
  const node = init.nodes.store.get(init.host.name);
  if (node !== undefined && readyStatus(node) !== "True") await writeStatus(init, node);
}

async function writeStatus(init: NodeAgentInit, node: NodeObject): Promise<void> {
  const { client, host, hostIp, kubeletPort } = init;
  const now = toIso(client.clock.now()).replace(/\.\d+Z$/, "Z");
  const status = {
    capacity: host.capacity,
    allocatable: host.capacity,
    conditions: conditions(node, now),
    addresses: [
      { type: "InternalIP", address: hostIp },
      { type: "Hostname", address: host.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    nodeInfo: {
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      bootID: "local",
      containerRuntimeVersion: "process://1",
      kernelVersion: "local",
      kubeProxyVersion: "",
      kubeletVersion: "v1.32.0",
      machineID: host.name,
      operatingSystem: "linux",
      osImage: "local",
      systemUUID: host.name,
    },
  };
  await patchObject(client, NODES, { name: host.name }, "merge", { status }, { subresource: "status" });
}

const CONDITIONS = [
  {
    type: "MemoryPressure",
    status: "False",
    reason: "KubeletHasSufficientMemory",
    message: "kubelet has sufficient memory available",
  },
  {
    type: "DiskPressure",
    status: "False",
    reason: "KubeletHasNoDiskPressure",
    message: "kubelet has no disk pressure",
  },
  {
    type: "PIDPressure",
    status: "False",
    reason: "KubeletHasSufficientPID",
    message: "kubelet has sufficient PID available",
  },
  { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" },
] as const;

function conditions(node: NodeObject, now: string): readonly KubernetesCondition[] {
  return CONDITIONS.map((condition) => {
    const before = node.status?.conditions?.find((one) => one.type === condition.type);
    const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return { ...condition, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
  });
}

function readyStatus(node: NodeObject): string | undefined {
  return node.status?.conditions?.find((condition) => condition.type === "Ready")?.status;
}

/** The next state of the Lease. It belongs to the Node object and goes with it. */
async function renew(init: NodeAgentInit, known: LeaseObject | undefined): Promise<LeaseObject> {
  const { client, host, tuning } = init;
  const at = { namespace: NODE_LEASES, name: host.name };
  // Six digits after the second: a MicroTime, or the API refuses it.
  const renewTime = toIso(client.clock.now()).replace("Z", "000Z");
  const lease = known ?? (await findObject(client, LEASES, at));
  const spec = {
    holderIdentity: host.name,
    leaseDurationSeconds: Math.max(1, Math.round(tuning.nodeGrace / 1000)),
    renewTime,
  };
  if (lease !== undefined) {
    try {
      return await replaceObject(client, LEASES, { ...lease, spec: { ...lease.spec, ...spec } });
    } catch (thrown) {
      if (!isConflict(thrown) && !isNotFound(thrown)) throw thrown;
      const current = await findObject(client, LEASES, at);
      if (current !== undefined)
        return replaceObject(client, LEASES, { ...current, spec: { ...current.spec, ...spec } });
    }
  }
  const node = await getObject(client, NODES, { name: host.name });
  const owner = { apiVersion: "v1", kind: "Node", name: host.name, uid: node.metadata.uid ?? "" };
  const fresh: LeaseObject = { metadata: { ...at, ownerReferences: [owner] }, spec };
  try {
    return await createObject(client, LEASES, fresh);
  } catch (thrown) {
    if (!(thrown instanceof KubernetesError) || thrown.status !== 404) throw thrown;
    // The namespace is missing where no other kubelet has ever been.
    await createObject(client, NAMESPACES, { metadata: { name: NODE_LEASES } }).catch(() => undefined);
    return createObject(client, LEASES, fresh);
  }
}
