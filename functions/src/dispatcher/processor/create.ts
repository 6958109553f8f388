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
  if (overdue(context)) {
    return {
      event: "timed-out",
      again: milliseconds(0),
      condition: {
        type: "PodCreated",
        status: "False",
        reason: "CreateTimeout",
        message: "the cluster did not take the pod in time",
      },
    };
  }
  const sentinelUid = await pods.sentinelUid(row.namespace);
  const manifest = podManifest(current.intent, {
    epoch: row.epoch,
    hostName: row.hostName,
    sentinelUid,
    imagePullSecret,
  });
  try {
    const { pod } = await pods.create(manifest);
    return {
      event: "created",
      again: milliseconds(100),
      condition: { type: "PodCreated", status: "True", reason: "Created", message: `pod ${pod.name}` },
      patch: { podUid: pod.uid, healthStatus: "starting" },
      notice: {
        kind: "processor.pod_created",
        reason: "Created",
        message: `pod ${pod.name} on ${row.hostName ?? "a host to come"}`,
      },
    };
  } catch (thrown) {
    if (!(thrown instanceof ShoalError)) throw thrown;
    if (thrown.code === "invalid_argument") {
      return {
        event: "rejected",
        condition: { type: "PodCreated", status: "False", reason: "PodRefused", message: thrown.message },
        patch: { released: true, deactivated: true, hostName: null, observedGeneration: row.generation },
        operation: { state: "failed", code: "invalid_argument", message: thrown.message },
        notice: { kind: "processor.failed", reason: "PodRefused", message: thrown.message },
      };
    }
    // The name belongs to something else, or a pod of this epoch is still going: take the next epoch.
    if (thrown.code === "conflict") {
      return {
        event: "timed-out",
        again: milliseconds(0),
        condition: { type: "PodCreated", status: "False", reason: "NameTaken", message: thrown.message },
      };
    }
    throw thrown;
  }
}
