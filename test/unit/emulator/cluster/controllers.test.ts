import { describe, expect, it } from "vitest";
import { budgetStatus } from "@shoal/emulator/cluster/disruption.ts";
import { graphNode, ownerGraph, verdict } from "@shoal/emulator/cluster/garbage-collector/graph.ts";
import { healthOf, isDisrupted, taintsFor } from "@shoal/emulator/cluster/node-health.ts";
import { secondsTolerated, UNREACHABLE } from "@shoal/emulator/cluster/taints.ts";
import type { DisruptionBudgetObject, NodeObject, OwnerReference } from "@shoal/functions/adapters/kubernetes/types.ts";
import { node, pod, readyStatus } from "./objects.ts";

const owner = (uid: string): OwnerReference => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  name: "sentinel",
  uid,
  controller: true,
});
const owned = (name: string, ...uids: string[]) =>
  graphNode("Pod", pod(name, { metadata: { ownerReferences: uids.map(owner) } }));
const sentinel = graphNode("ConfigMap", { metadata: { namespace: "apps", name: "sentinel", uid: "s1" } });

describe("who is owned by whom", () => {
  it("suspects what names an owner that was never there, and what loses its owner", () => {
    const graph = ownerGraph();
    expect(graph.put(sentinel)).toBe(false);
    expect(graph.put(owned("a", "s1"))).toBe(false);
    expect(graph.put(owned("b", "former"))).toBe(true);
    expect(graph.put(owned("c"))).toBe(false);
    expect(graph.suspects()).toEqual(["Pod/apps/b"]);
    expect(graph.remove(sentinel.key)).toEqual(["Pod/apps/a"]);
    expect(graph.suspects()).toEqual(["Pod/apps/a", "Pod/apps/b"]);
  });

  it("forgets a reference that was taken away", () => {
    const graph = ownerGraph();
    graph.put(sentinel);
    graph.put(owned("a", "s1"));
    graph.put(owned("a"));
    expect(graph.remove(sentinel.key)).toEqual([]);
  });

  it("deletes only when every owner is known to be gone", () => {
    const one = (live: "present" | "absent" | "unknown", uid = "u") => ({ owner: owner(uid), live });
    expect(verdict([one("absent")])).toEqual({ then: "delete" });
    expect(verdict([one("absent"), one("absent")])).toEqual({ then: "delete" });
    expect(verdict([one("present")])).toEqual({ then: "keep" });
    expect(verdict([one("absent"), one("unknown")])).toEqual({ then: "keep" });
    expect(verdict([one("present"), one("absent", "gone")])).toMatchObject({
      then: "unlink",
      owners: [{ uid: "gone" }],
    });
    expect(verdict([])).toEqual({ then: "keep" });
  });
});

describe("a host's silence", () => {
  const cordoned = node("n", { spec: { unschedulable: true } });
  const keys = (one: NodeObject, ...rest: [Parameters<typeof taintsFor>[1], boolean]) =>
    taintsFor(one, ...rest, "now")?.map((taint) => `${taint.key}:${taint.effect}`);

  it("makes a host unreachable only after the grace", () => {
    expect(healthOf(node("n"), 40_000, 40_000)).toBe("ready");
    expect(healthOf(node("n"), 40_001, 40_000)).toBe("unreachable");
    expect(healthOf({ metadata: { name: "n" } }, 0, 40_000)).toBe("not-ready");
  });

  it("taints the dead one among healthy ones twice, and nobody with NoExecute when all are silent", () => {
    expect(keys(node("n"), "unreachable", false)).toEqual([`${UNREACHABLE}:NoSchedule`, `${UNREACHABLE}:NoExecute`]);
    expect(isDisrupted(["unreachable", "ready"])).toBe(false);
    expect(isDisrupted(["unreachable", "not-ready"])).toBe(true);
    expect(isDisrupted([])).toBe(false);
    expect(keys(node("n"), "unreachable", true)).toEqual([`${UNREACHABLE}:NoSchedule`]);
  });

  it("keeps the taints of others and the time of its own, and changes nothing that is right", () => {
    const tainted = node("n", {
      spec: {
        taints: [
          { key: "mine", effect: "NoSchedule" },
          { key: UNREACHABLE, effect: "NoExecute", timeAdded: "before" },
        ],
      },
    });
    expect(
      taintsFor(tainted, "unreachable", false, "now")?.find((taint) => taint.effect === "NoExecute")?.timeAdded,
    ).toBe("before");
    expect(keys(tainted, "ready", false)).toEqual(["mine:NoSchedule"]);
    expect(keys(node("n"), "ready", false)).toBeUndefined();
    expect(keys(cordoned, "ready", false)).toEqual(["node.kubernetes.io/unschedulable:NoSchedule"]);
  });

  it("lets a pod stay as long as it tolerates", () => {
    const taints = [{ key: UNREACHABLE, effect: "NoExecute" }] as const;
    const tolerates = (tolerationSeconds?: number) =>
      secondsTolerated(
        [{ key: UNREACHABLE, operator: "Exists", ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }) }],
        taints,
        300,
      );
    expect([tolerates(5), tolerates(), tolerates(-1), secondsTolerated([], taints, 300)]).toEqual([
      5,
      Infinity,
      0,
      300,
    ]);
    expect(secondsTolerated([], [{ key: "other", effect: "NoExecute" }], 300)).toBe(0);
    expect(secondsTolerated([], [{ key: "other", effect: "NoSchedule" }], 300)).toBe(Infinity);
  });
});

describe("a disruption budget", () => {
  const now = Date.parse("2026-11-24T12:00:00Z");
  const budget = (
    spec: DisruptionBudgetObject["spec"],
    status?: DisruptionBudgetObject["status"],
  ): DisruptionBudgetObject => ({
    metadata: { name: "b", namespace: "apps", generation: 3 },
    ...(spec === undefined ? {} : { spec }),
    ...(status === undefined ? {} : { status }),
  });
  const ready = (name: string, extra: object = {}) => pod(name, { status: readyStatus, ...extra });

  it("allows what is healthy beyond what has to stay", () => {
    expect(budgetStatus(budget({ minAvailable: 1 }), [ready("a")], now)).toMatchObject({
      disruptionsAllowed: 0,
      currentHealthy: 1,
      desiredHealthy: 1,
      expectedPods: 1,
      observedGeneration: 3,
    });
    expect(budgetStatus(budget({ minAvailable: 1 }), [ready("a"), ready("b")], now).disruptionsAllowed).toBe(1);
    expect(budgetStatus(budget({ minAvailable: 1 }), [ready("a"), pod("b")], now).disruptionsAllowed).toBe(0);
    expect(budgetStatus(budget({ minAvailable: 0 }), [], now).disruptionsAllowed).toBe(0);
  });

  it("counts an eviction that was allowed and a pod that is going as gone", () => {
    const held = {
      disruptionsAllowed: 1,
      currentHealthy: 2,
      desiredHealthy: 1,
      expectedPods: 2,
      disruptedPods: { a: "2026-11-24T11:59:30Z" },
    };
    const status = budgetStatus(budget({ minAvailable: 1 }, held), [ready("a"), ready("b")], now);
    expect([status.disruptionsAllowed, status.disruptedPods]).toEqual([0, { a: "2026-11-24T11:59:30Z" }]);
    const old = { ...held, disruptedPods: { a: "2026-11-24T11:50:00Z" } };
    expect(budgetStatus(budget({ minAvailable: 1 }, old), [ready("a"), ready("b")], now).disruptedPods).toBeUndefined();
    const going = ready("a", { metadata: { deletionTimestamp: "2026-11-24T12:00:00Z" } });
    expect(budgetStatus(budget({ minAvailable: 1 }), [going, ready("b")], now).disruptionsAllowed).toBe(0);
  });

  it("allows nothing where it cannot be evaluated", () => {
    const pods = [ready("a", { metadata: { ownerReferences: [owner("s1")] } })];
    for (const spec of [{ maxUnavailable: 1 }, { minAvailable: "50%" }]) {
      expect(budgetStatus(budget(spec), pods, now)).toMatchObject({
        disruptionsAllowed: 0,
        conditions: [{ reason: "SyncFailed" }],
      });
    }
  });
});
