/** A host as it is described: what its Node object will say about it. */
import type { NodeTaint } from "@shoal/functions/adapters/kubernetes/types.ts";

export interface HostDescription {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly NodeTaint[];
  /** Kubernetes quantities: cpu, memory, pods, and extended resources. */
  readonly capacity: Readonly<Record<string, string>>;
}

const CAPACITY = { cpu: "4", memory: "8Gi", pods: "110" } as const;

function local(name: string, zone: string, labels: Readonly<Record<string, string>>): HostDescription {
  return {
    name,
    labels: {
      "kubernetes.io/hostname": name,
      "kubernetes.io/os": "linux",
      "topology.kubernetes.io/region": "local",
      "topology.kubernetes.io/zone": zone,
      ...labels,
    },
    taints: [],
    capacity: CAPACITY,
  };
}

const APPLICATION = { "workload-type": "application", "node-role": "application" } as const;

/** The hosts of a local stack: two that take processors, in two zones, and one that must never get any. */
export const DEFAULT_HOSTS: readonly HostDescription[] = [
  local("app-1", "local-a", APPLICATION),
  local("app-2", "local-b", APPLICATION),
  local("system-1", "local-a", { "node-role": "system" }),
];
