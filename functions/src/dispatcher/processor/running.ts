/** running: the evidence still holds. Whatever changed about the pod is taken into the row; an unchanged pod writes nothing. */
import { lost } from "./lost.ts";
import type { ProcessorRow } from "./row.ts";
import type { RowPatch, StepContext, StepResult } from "./context.ts";

export async function running({ row, pods }: StepContext): Promise<StepResult> {
  const pod = row.podName === undefined ? undefined : await pods.get(row.namespace, row.podName);
  const gone = lost(row, pod);
  if (gone !== undefined) return gone;
  if (pod === undefined) return {};
  const health = pod.ready ? "healthy" : "unhealthy";
  const patch: RowPatch = {
    ...(pod.uid === row.podUid ? {} : { podUid: pod.uid }),
    ...(pod.podIp === row.podIp ? {} : { podIp: pod.podIp ?? null }),
    ...(pod.hostName === row.hostName ? {} : { hostName: pod.hostName ?? null }),
    ...(health === row.healthStatus ? {} : { healthStatus: health }),
    ...(row.observedGeneration === row.generation ? {} : { observedGeneration: row.generation }),
  };
  return {
    ...(Object.keys(patch).length === 0 ? {} : { patch }),
    ...settled(row),
    ...(health === row.healthStatus ? {} : healthChange(pod.ready, pod.reason, pod.message)),
  };
}

/** A change that made no difference to the pod (a new name, the same configuration) is done at once. */
function settled(row: ProcessorRow): Pick<StepResult, "operation"> {
  return row.observedGeneration === row.generation ? {} : { operation: { state: "succeeded" } };
}

function healthChange(isReady: boolean, reason: string, message: string): Pick<StepResult, "condition" | "notice"> {
  if (isReady) {
    return {
      condition: { type: "Ready", status: "True", reason: "PodReady", message: "pod is ready" },
      notice: { kind: "processor.healthy", reason: "PodReady", message: "pod is ready again" },
    };
  }
  const word = reason === "" ? "NotReady" : reason;
  const text = message === "" ? "the readiness probe fails" : message;
  return {
    condition: { type: "Ready", status: "False", reason: word, message: text },
    notice: { kind: "processor.unhealthy", reason: word, message: text },
  };
}
