import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ORPHAN_GUARD, reconcile, type DesiredProcessor, type ReconcileCase } from "@shoal/shared/decide/reconcile.ts";
import { PROCESSOR_STAGES } from "@shoal/shared/model/processor.ts";
import type { ObservedPod } from "@shoal/shared/ports/pods.ts";

const desired = (change: Partial<DesiredProcessor> = {}): DesiredProcessor => ({
  processorId: "prc-a",
  namespace: "shoal",
  stage: "running",
  deletionRequested: false,
  epoch: 3,
  generation: 1,
  observedGeneration: 1,
  intentHash: "h1",
  podName: "a-3",
  podUid: "u3",
  podIp: "127.1.0.3",
  hostName: "app-1",
  healthy: true,
  ...change,
});

const pod = (change: Partial<ObservedPod> = {}): ObservedPod => ({
  name: "a-3",
  namespace: "shoal",
  uid: "u3",
  processorId: "prc-a",
  epoch: 3,
  specHash: "h1",
  phase: "Running",
  ready: true,
  deleting: false,
  restarts: 0,
  reason: "",
  message: "",
  podIp: "127.1.0.3",
  hostName: "app-1",
  ...change,
});

const world = { drainingHosts: new Set<string>(), podsTotal: 100 };
const verbs = (row: DesiredProcessor | undefined, pods: ObservedPod[], draining: string[] = []): string[] =>
  reconcile([{ processorId: "prc-a", desired: row, pods }], { ...world, drainingHosts: new Set(draining) }).map(
    (action) => `${action.verb} ${action.reason}`,
  );

describe("reconcile", () => {
  it("asks for nothing where the pod is what the row says", () => {
    expect(verbs(desired(), [pod()])).toEqual([]);
  });

  it.each([
    ["a missing pod", desired(), [], "create pod_missing"],
    ["a pod that vanished while starting", desired({ stage: "ready" }), [], "create pod_missing"],
    ["a pod told to go by somebody else", desired(), [pod({ deleting: true })], "create pod_missing"],
    ["a failed pod", desired(), [pod({ phase: "Failed", reason: "OutOfcpu" })], "replace pod_finished"],
    ["a changed intent", desired({ intentHash: "h2" }), [pod()], "replace changed"],
    ["a pod without a row", undefined, [pod()], "delete orphan"],
    ["a terminated processor", desired({ stage: "gone" }), [pod()], "delete terminated"],
    [
      "a superseded pod beside its successor",
      desired(),
      [pod(), pod({ name: "a-2", epoch: 2, uid: "u2" })],
      "delete superseded",
    ],
    ["a pod of an epoch that the row does not know", desired(), [pod({ epoch: 9 })], "hold unknown_epoch"],
    ["a pod that became ready", desired({ stage: "ready", healthy: false }), [pod()], "adopt became_ready"],
    ["a pod that is not ready any more", desired(), [pod({ ready: false })], "adopt evidence_changed"],
    ["a pod that is stopped by us", desired({ stage: "stop" }), [pod()], "hold stopping"],
    ["a pod that we stopped and that is gone", desired({ stage: "delete" }), [], "adopt pod_gone"],
    ["a failed processor's leftover", desired({ stage: "failed" }), [pod()], "hold dispatcher_at_work"],
  ])("%s", (_, row, pods, expected) => {
    expect(verbs(row, pods)).toEqual([expected]);
  });

  it("replaces a pod whose host is being drained", () => {
    expect(verbs(desired(), [pod()], ["app-1"])).toEqual(["replace host_draining"]);
  });

  it("holds a mass deletion of pods without rows, and deletes a few", () => {
    const orphans = (count: number): ReconcileCase[] =>
      Array.from({ length: count }, (_, i) => ({
        processorId: `prc-${i}`,
        desired: undefined,
        pods: [pod({ processorId: `prc-${i}`, name: `p-${i}` })],
      }));
    const few = reconcile(orphans(ORPHAN_GUARD.atLeast - 1), { drainingHosts: new Set(), podsTotal: 4 });
    expect(new Set(few.map((action) => action.verb))).toEqual(new Set(["delete"]));
    const many = reconcile(orphans(30), { drainingHosts: new Set(), podsTotal: 100 });
    expect(new Set(many.map((action) => `${action.verb} ${action.reason}`))).toEqual(new Set(["hold mass_orphans"]));
    const share = reconcile(orphans(30), { drainingHosts: new Set(), podsTotal: 1000 });
    expect(new Set(share.map((action) => action.verb))).toEqual(new Set(["delete"]));
  });

  const anyDesired = fc.record({
    stage: fc.constantFrom(...PROCESSOR_STAGES),
    deletionRequested: fc.boolean(),
    epoch: fc.integer({ min: 0, max: 4 }),
    intentHash: fc.constantFrom("h1", "h2"),
    healthy: fc.boolean(),
  });
  const anyPod = fc.record({
    epoch: fc.integer({ min: 0, max: 4 }),
    specHash: fc.constantFrom("h1", "h2"),
    phase: fc.constantFrom("Pending", "Running", "Succeeded", "Failed", "Unknown"),
    ready: fc.boolean(),
    deleting: fc.boolean(),
  });

  it("never deletes the pod of the current epoch, nor one of an epoch that it does not know", () => {
    fc.assert(
      fc.property(anyDesired, fc.array(anyPod, { maxLength: 4 }), (row, pods) => {
        const target = desired(row);
        const seen = pods.map((shape, i) => pod({ ...shape, name: `p-${i}`, uid: `u-${i}` }));
        for (const action of reconcile([{ processorId: "prc-a", desired: target, pods: seen }], world)) {
          if (action.verb !== "delete") continue;
          const victim = seen.find((candidate) => candidate.name === action.podName);
          expect(victim).toBeDefined();
          if (victim === undefined) continue;
          expect(victim.epoch).toBeLessThanOrEqual(target.epoch);
          if (target.stage !== "gone") expect(victim.epoch).toBeLessThan(target.epoch);
        }
      }),
    );
  });

  it("does not depend on the order of the pods", () => {
    fc.assert(
      fc.property(anyDesired, fc.array(anyPod, { maxLength: 4 }), (row, pods) => {
        const seen = pods.map((shape, i) => pod({ ...shape, name: `p-${i}`, uid: `u-${i}` }));
        const decide = (order: ObservedPod[]): string[] =>
          reconcile([{ processorId: "prc-a", desired: desired(row), pods: order }], world)
            .map((action) => `${action.verb} ${action.podName ?? ""} ${action.because}`)
            .sort();
        expect(decide([...seen].reverse())).toEqual(decide(seen));
      }),
    );
  });
});
