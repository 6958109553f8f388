/** Pods and nodes of the API as the port sees them: small, plain, and with the one reason that explains most. */
import { cpuMilli, memoryMiB } from "@shoal/shared/base/quantity.ts";
import { POD_LABEL } from "@shoal/shared/decide/pod-spec.ts";
import type { ObservedHost, ObservedPod } from "@shoal/shared/ports/pods.ts";
import type { ContainerStatus, KubernetesCondition, NodeObject, PodObject, PodStatus } from "../types.ts";

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
    epoch: epochOf(labels[POD_LABEL.epoch]),
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

/** Epochs count from 1, so that 0 is nobody's: a label that was lost or changed by hand never passes for a current one. */
function epochOf(label: string | undefined): number {
  const epoch = /^[1-9]\d*$/.test(label ?? "") ? Number(label) : 0;
  return Number.isSafeInteger(epoch) ? epoch : 0;
}

interface Explanation {
  readonly reason: string;
  readonly message: string;
}

/**
 * The first thing that explains why it is not ready: what the pod says of itself, its containers, the scheduler, and last
 * that its containers do not answer. What a failed probe heard is in events only.
 */
function explanationOf({ status }: PodObject): Explanation {
  if (status?.reason !== undefined) return { reason: status.reason, message: status.message ?? "" };
  const unreadySince = Date.parse(conditionOf(status?.conditions, "Ready")?.lastTransitionTime ?? "");
  for (const container of status?.containerStatuses ?? []) {
    const explanation = containerExplanation(container, unreadySince);
    if (explanation !== undefined) return explanation;
  }
  return conditionExplanation(status, "PodScheduled") ?? conditionExplanation(status, "Ready") ?? NONE;
}

const NONE: Explanation = { reason: "", message: "" };

function containerExplanation(
  { state, lastState, ready }: ContainerStatus,
  unreadySince: number,
): Explanation | undefined {
  const last = lastState?.terminated;
  const former = last === undefined ? "" : `last ended: ${last.reason ?? "unknown"}, exit code ${last.exitCode}`;
  if (state.waiting !== undefined) {
    const { reason, message = "" } = state.waiting;
    return { reason, message: [message, former].filter((text) => text !== "").join("; ") };
  }
  if (ready) return undefined;
  if (state.terminated?.reason !== undefined)
    return { reason: state.terminated.reason, message: state.terminated.message ?? "" };
  // It was not ready yet in this life, so that the end of the former one is why; later, that is history.
  const notYet = unreadySince <= Date.parse(state.running?.startedAt ?? "");
  return notYet && last?.reason !== undefined ? { reason: last.reason, message: former } : undefined;
}

function conditionExplanation(status: PodStatus | undefined, type: string): Explanation | undefined {
  const condition = conditionOf(status?.conditions, type);
  if (condition?.status !== "False") return undefined;
  return { reason: condition.reason ?? "", message: condition.message ?? "" };
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
