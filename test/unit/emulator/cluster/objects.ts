/** Small objects for tests of the controllers' pure parts. */
import type { NodeObject, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";

export function node(
  name: string,
  extra: { labels?: Record<string, string>; spec?: NodeObject["spec"]; allocatable?: Record<string, string> } = {},
): NodeObject {
  const allocatable = { cpu: "4", memory: "8Gi", pods: "110", ...extra.allocatable };
  return {
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: "1",
      labels: { "kubernetes.io/hostname": name, ...extra.labels },
    },
    ...(extra.spec === undefined ? {} : { spec: extra.spec }),
    status: { allocatable, conditions: [{ type: "Ready", status: "True" }] },
  };
}

export function pod(
  name: string,
  extra: {
    labels?: Record<string, string>;
    spec?: Partial<PodObject["spec"]>;
    status?: PodObject["status"];
    metadata?: Partial<PodObject["metadata"]>;
    cpu?: string;
    memory?: string;
  } = {},
): PodObject {
  const requests: Record<string, string> = {};
  if (extra.cpu !== undefined) requests["cpu"] = extra.cpu;
  if (extra.memory !== undefined) requests["memory"] = extra.memory;
  return {
    metadata: {
      name,
      namespace: "apps",
      uid: `uid-${name}`,
      resourceVersion: "1",
      labels: extra.labels ?? {},
      ...extra.metadata,
    },
    spec: { containers: [{ name: "main", image: "x", resources: { requests } }], ...extra.spec },
    ...(extra.status === undefined ? {} : { status: extra.status }),
  };
}

export const readyStatus: PodObject["status"] = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
