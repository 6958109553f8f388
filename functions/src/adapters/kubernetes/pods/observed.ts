/** Pods and nodes of the API as the port sees them: small, plain, and with the one reason that explains most. */
import { cpuMilli, memoryMiB } from "@shoal/shared/base/quantity.ts";
import { POD_LABEL } from "@shoal/shared/decide/pod-spec.ts";
import type { ObservedHost, ObservedPod } from "@shoal/shared/ports/pods.ts";
import type { KubernetesCondition, NodeObject, PodObject } from "../types.ts";

const PHASES = ["Pending", "Running", "Succeeded", "Failed"] as const;
const ZONE = "topology.kubernetes.io/zone";

export function observedPod(pod: PodObject): ObservedPod {
  const { metadata, status } = pod;
  const labels = metadata.labels ?? {};
  const { reason, message } = explanationOf(pod);
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? "",
    uid: metadata.uid ?? "",
    processorId: labels[POD_LABEL.processorId] ?? "",
    epoch: Number(labels[POD_LABEL.epoch] ?? 0),
    specHash: labels[POD_LABEL.specHash] ?? "",
    phase: PHASES.find((phase) => phase === status?.phase) ?? "Unknown",
    ready: conditionOf(status?.conditions, "Ready")?.status === "True",
    deleting: metadata.deletionTimestamp !== undefined,
    restarts: (status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0),
    reason,
    message,
    podIp: status?.podIP,
    hostName: pod.spec.nodeName,
  };
}

/** The first thing that explains why it is not ready: what the pod says of itself, then its containers, then the scheduler. */
function explanationOf({ status }: PodObject): { readonly reason: string; readonly message: string } {
  if (status?.reason !== undefined) return { reason: status.reason, message: status.message ?? "" };
  for (const { state, ready } of status?.containerStatuses ?? []) {
    const cause = state.waiting ?? (ready ? undefined : state.terminated);
    if (cause?.reason !== undefined) return { reason: cause.reason, message: cause.message ?? "" };
  }
  const scheduled = conditionOf(status?.conditions, "PodScheduled");
  if (scheduled?.status === "False") return { reason: scheduled.reason ?? "", message: scheduled.message ?? "" };
  return { reason: "", message: "" };
}

export function observedHost(node: NodeObject): ObservedHost {
  const { metadata, spec, status } = node;
  const ready = conditionOf(status?.conditions, "Ready");
  const room = status?.allocatable ?? status?.capacity ?? {};
  const labels = metadata.labels ?? {};
  return {
    name: metadata.name,
    uid: metadata.uid ?? "",
    ready: ready?.status === "True",
    readyChangedAt: ready?.lastTransitionTime,
    cordoned: spec?.unschedulable ?? false,
    zone: labels[ZONE] ?? "",
    labels,
    taints: (spec?.taints ?? []).map(({ key, value, effect }) => ({ key, value: value ?? "", effect })),
    cpuMilli: cpuMilli(room["cpu"] ?? "") ?? 0,
    memoryMiB: memoryMiB(room["memory"] ?? "") ?? 0,
    pods: Number(room["pods"] ?? 0),
    gpu: Number(room["nvidia.com/gpu"] ?? 0),
  };
}

function conditionOf(
  conditions: readonly KubernetesCondition[] | undefined,
  type: string,
): KubernetesCondition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
