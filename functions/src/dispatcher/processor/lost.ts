/** The ways in which a pod that ought to run does not, as one rule table shared by `ready` and `running`. */
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { ObservedPod } from "@shoal/shared/ports/pods.ts";
import type { ProcessorRow } from "./row.ts";
import type { StepResult } from "./context.ts";

interface Loss {
  readonly when: (row: ProcessorRow, pod: ObservedPod | undefined) => boolean;
  /** `PodFailed` counts towards the damping of crash loops; the others do not. */
  readonly reason: "PodMissing" | "PodForeign" | "PodFailed" | "PodDeleted" | "HostDraining";
  readonly because: (row: ProcessorRow, pod: ObservedPod | undefined) => string;
}

const LOSSES: readonly Loss[] = [
  { when: (_, pod) => pod === undefined, reason: "PodMissing", because: (row) => `pod ${row.podName ?? "?"} is gone` },
  {
    when: (row, pod) => pod !== undefined && (pod.processorId !== row.id || pod.epoch !== row.epoch),
    reason: "PodForeign",
    because: (row) => `the name ${row.podName ?? "?"} belongs to another pod`,
  },
  {
    when: (_, pod) => pod?.phase === "Failed" || pod?.phase === "Succeeded",
    reason: "PodFailed",
    because: (_, pod) => `pod is ${pod?.phase ?? ""}: ${pod?.reason ?? ""} ${pod?.message ?? ""}`.trim(),
  },
  {
    when: (_, pod) => pod?.deleting === true,
    reason: "PodDeleted",
    because: (_, pod) => `pod ${pod?.name ?? ""} was deleted`,
  },
  {
    when: (row) => row.hostDraining,
    reason: "HostDraining",
    because: (row) => `host ${row.hostName ?? ""} is being drained`,
  },
];

/** The step to take if the pod is lost; undefined while it is there. */
export function lost(row: ProcessorRow, pod: ObservedPod | undefined): StepResult | undefined {
  const loss = LOSSES.find((candidate) => candidate.when(row, pod));
  if (loss === undefined) return undefined;
  const message = loss.because(row, pod);
  return {
    event: "lost",
    again: milliseconds(0),
    condition: { type: "Ready", status: "False", reason: loss.reason, message },
    patch: { healthStatus: "unhealthy" },
    notice: { kind: "processor.replacing", reason: loss.reason, message },
  };
}
