/** create: the pod exists under this epoch. Its name is in the row already, so a repeated call finds the first one's pod. */
import { milliseconds } from "@shoal/shared/base/time.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { podManifest } from "@shoal/shared/decide/pod-spec.ts";
import { intentOf } from "./row.ts";
import { overdue, type StepContext, type StepResult } from "./context.ts";

export async function create(context: StepContext): Promise<StepResult> {
  const { row, pods, imagePullSecret } = context;
  const current = intentOf(row);
  if (!current.ok) return { event: "changed", again: milliseconds(0) };
  if (overdue(context)) return tooLate(context);
  try {
    const sentinelUid = await pods.sentinelUid(row.namespace);
    const { epoch, hostName } = row;
    const { pod } = await pods.create(podManifest(current.intent, { epoch, hostName, sentinelUid, imagePullSecret }));
    return {
      event: "created",
      again: milliseconds(100),
      condition: { type: "PodCreated", status: "True", reason: "Created", message: `pod ${pod.name}` },
      patch: { podUid: pod.uid, healthStatus: "starting" },
      notice: {
        kind: "processor.pod_created",
        reason: "Created",
        message: `pod ${pod.name} on ${hostName ?? "a host to come"}`,
      },
    };
  } catch (thrown) {
    if (!(thrown instanceof ShoalError)) throw thrown;
    return refused(context, thrown);
  }
}

/** The next epoch begins, and goes on trying; whoever waits is told what the cluster said last. */
function tooLate({ row }: StepContext): StepResult {
  const said = row.conditions.find(({ type, status }) => type === "PodCreated" && status === "Unknown")?.message;
  const message = `the cluster did not take the pod in time: ${said ?? "it did not answer"}`;
  return {
    event: "timed-out",
    again: milliseconds(0),
    condition: { type: "PodCreated", status: "False", reason: "CreateTimeout", message },
    operation: { state: "failed", code: "deadline_exceeded", message },
    notice: { kind: "processor.unready", reason: "CreateTimeout", message },
  };
}

function refused({ row }: StepContext, error: ShoalError): StepResult {
  const { code, message } = error;
  const condition = (status: "False" | "Unknown", reason: string) =>
    ({ type: "PodCreated", status, reason, message }) as const;
  if (code === "invalid_argument") {
    return {
      event: "rejected",
      condition: condition("False", "PodRefused"),
      patch: { released: true, deactivated: true, hostName: null, observedGeneration: row.generation },
      operation: { state: "failed", code, message },
      notice: { kind: "processor.failed", reason: "PodRefused", message },
    };
  }
  // The name belongs to something else, or a pod of this epoch is still going: take the next epoch.
  if (code === "conflict") {
    return { event: "timed-out", again: milliseconds(0), condition: condition("False", "NameTaken") };
  }
  // Nothing is known, or it may pass: people read what the cluster says while it is tried again.
  const reason = code === "permission_denied" ? "Forbidden" : "ClusterUnavailable";
  return { retry: error, condition: condition("Unknown", reason) };
}
