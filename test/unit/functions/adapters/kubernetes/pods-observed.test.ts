/** How pods of the API are seen: the one reason that explains most, and labels that somebody changed by hand. */
import { describe, expect, it } from "vitest";
import { observedPod } from "@shoal/functions/adapters/kubernetes/pods/observed.ts";
import type { ContainerStatus, KubernetesCondition, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";

const seen = (status: PodObject["status"], labels: Record<string, string> = {}) =>
  observedPod({
    metadata: { name: "a", namespace: "apps", uid: "u", labels },
    spec: { containers: [] },
    ...(status === undefined ? {} : { status }),
  });
const container = (part: Pick<ContainerStatus, "state"> & Partial<ContainerStatus>): ContainerStatus => ({
  name: "main",
  image: "i",
  imageID: "i",
  ready: false,
  restartCount: 0,
  ...part,
});
const ready = (status: "True" | "False", lastTransitionTime: string): KubernetesCondition => ({
  type: "Ready",
  status,
  lastTransitionTime,
  ...(status === "True" ? {} : { reason: "ContainersNotReady", message: "containers with unready status: [main]" }),
});
const time = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const running = { running: { startedAt: time(10) } };
const killed = { terminated: { exitCode: 137, reason: "OOMKilled", finishedAt: time(8) } };

describe("the reason of a pod", () => {
  it.each<[string, PodObject["status"], string, string]>([
    [
      "that does not pass its readiness probe",
      { phase: "Running", conditions: [ready("False", time(20))], containerStatuses: [container({ state: running })] },
      "ContainersNotReady",
      "containers with unready status: [main]",
    ],
    [
      "that was killed for its memory and is not ready yet",
      {
        phase: "Running",
        conditions: [ready("False", time(8))],
        containerStatuses: [container({ state: running, lastState: killed, restartCount: 1 })],
      },
      "OOMKilled",
      "last ended: OOMKilled, exit code 137",
    ],
    [
      "that was killed once, was ready since, and is not any more",
      {
        phase: "Running",
        conditions: [ready("False", time(30))],
        containerStatuses: [container({ state: running, lastState: killed, restartCount: 1 })],
      },
      "ContainersNotReady",
      "containers with unready status: [main]",
    ],
    [
      "that is held back after it was killed",
      {
        phase: "Running",
        conditions: [ready("False", time(8))],
        containerStatuses: [
          container({ state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } }, lastState: killed }),
        ],
      },
      "CrashLoopBackOff",
      "back-off 10s; last ended: OOMKilled, exit code 137",
    ],
    [
      "that is ready, whatever was before",
      {
        phase: "Running",
        conditions: [ready("True", time(12))],
        containerStatuses: [container({ ready: true, state: running, lastState: killed })],
      },
      "",
      "",
    ],
    [
      "that fits nowhere",
      {
        phase: "Pending",
        conditions: [
          { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes are available" },
        ],
      },
      "Unschedulable",
      "0/3 nodes are available",
    ],
    ["that was evicted", { phase: "Failed", reason: "Evicted", message: "low on memory" }, "Evicted", "low on memory"],
    ["that nobody has looked at", undefined, "", ""],
  ])("%s", (_, status, reason, message) => {
    expect(seen(status)).toMatchObject({ reason, message });
  });
});

describe("the epoch of a pod", () => {
  it.each([
    ["7", 7],
    [undefined, 0],
    ["", 0],
    ["seven", 0],
    ["-1", 0],
    ["1.5", 0],
    ["1e3", 0],
    ["NaN", 0],
    ["99999999999999999999", 0],
  ])("with label %s is %d", (label, epoch) => {
    expect(seen(undefined, label === undefined ? {} : { "shoal.dev/epoch": label }).epoch).toBe(epoch);
  });
});
