/** ready: the pod answers its readiness probe. Until then the condition says what it waits for, in the cluster's words. */
import { milliseconds } from "@shoal/shared/base/time.ts";
import { lost } from "./lost.ts";
import { overdue, pollDelay, type StepContext, type StepResult } from "./context.ts";

export async function ready(context: StepContext): Promise<StepResult> {
  const { row, pods } = context;
  const pod = row.podName === undefined ? undefined : await pods.get(row.namespace, row.podName);
  const gone = lost(row, pod);
  if (gone !== undefined) return gone;
  if (pod?.ready === true) {
    return {
      event: "became-ready",
      condition: { type: "Ready", status: "True", reason: "PodReady", message: `pod ${pod.name} is ready` },
      patch: { podUid: pod.uid, podIp: pod.podIp ?? null, hostName: pod.hostName ?? null, healthStatus: "healthy" },
      operation: { state: "succeeded" },
      notice: {
        kind: "processor.running",
        reason: "PodReady",
        message: `pod ${pod.name} is ready on ${pod.hostName ?? "?"}`,
      },
    };
  }
  const reason = pod?.reason === undefined || pod.reason === "" ? "Starting" : pod.reason;
  const message = pod?.message === undefined || pod.message === "" ? "waiting for the readiness probe" : pod.message;
  if (overdue(context)) {
    return {
      event: "timed-out",
      again: milliseconds(0),
      condition: {
        type: "Ready",
        status: "False",
        reason: "ReadyTimeout",
        message: `not ready in time: ${reason}: ${message}`,
      },
      operation: {
        state: "failed",
        code: "deadline_exceeded",
        message: `pod was not ready in time: ${reason}: ${message}`,
      },
      notice: { kind: "processor.unready", reason: "ReadyTimeout", message: `${reason}: ${message}` },
    };
  }
  return { again: pollDelay(context), condition: { type: "Ready", status: "False", reason, message } };
}
