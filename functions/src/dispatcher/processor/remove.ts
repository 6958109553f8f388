/** delete: the pod is not found any more. Only that word of the API frees the name, the capacity and the next epoch. */
import { milliseconds } from "@shoal/shared/base/time.ts";
import { overdue, ownPod, pollDelay, type StepContext, type StepResult } from "./context.ts";

export async function remove(context: StepContext): Promise<StepResult> {
  const { row, pods } = context;
  const pod = await ownPod(context);
  if (pod === undefined) {
    return {
      event: "pod-gone",
      again: milliseconds(0),
      condition: { type: "PodCreated", status: "False", reason: "PodGone", message: "the previous pod is gone" },
      patch: {
        podName: null,
        podUid: null,
        podIp: null,
        hostName: null,
        specHash: null,
        healthStatus: "unknown",
        released: true,
        deactivated: true,
      },
    };
  }
  if (!pod.deleting) {
    await pods.delete(row.namespace, pod.name, { uid: pod.uid });
    return { again: pollDelay(context) };
  }
  if (!overdue(context)) return { again: pollDelay(context) };
  return {
    again: milliseconds(30_000),
    condition: {
      type: "PodCreated",
      status: "Unknown",
      reason: "DeletionStuck",
      message: `pod ${pod.name} has not gone; host ${pod.hostName ?? "?"} has to confirm it`,
    },
  };
}
