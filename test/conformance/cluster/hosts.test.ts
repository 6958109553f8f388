import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UNREACHABLE } from "@shoal/emulator/cluster/taints.ts";
import {
  CONFIG_MAPS,
  createObject,
  deleteObject,
  DISRUPTION_BUDGETS,
  findObject,
  NODES,
  PODS,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { NodeObject, OwnerReference } from "@shoal/functions/adapters/kubernetes/types.ts";
import { eventually } from "../../support/clock.ts";
import {
  ask,
  goneWhen,
  isReady,
  NAMESPACE,
  nodeWhen,
  podNow,
  podWhen,
  startHarness,
  webPod,
  type Harness,
} from "./harness.ts";

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
});
afterEach(async () => harness.close());

const at = (name: string) => ({ namespace: NAMESPACE, name });
const taintsOf = (node: NodeObject): string[] =>
  (node.spec?.taints ?? []).map((taint) => `${taint.key}:${taint.effect}`);
async function create(name: string, spec: object = {}, metadata: object = {}) {
  return createObject(harness.client, PODS, webPod(name, harness.image, {}, spec, metadata));
}
async function sentinel(name = "sentinel"): Promise<OwnerReference> {
  const made = await createObject(harness.client, CONFIG_MAPS, { metadata: at(name) });
  return { apiVersion: "v1", kind: "ConfigMap", name, uid: made.metadata.uid ?? "", controller: true };
}

describe("hosts", () => {
  it("are tainted when they fall silent among living ones; their pods go when they no longer tolerate it", async () => {
    const cluster = await harness.startHere();
    await create("stays", { nodeName: "app-1", tolerations: [{ key: UNREACHABLE, operator: "Exists" }] });
    await create("leaves", {
      nodeName: "app-1",
      tolerations: [{ key: UNREACHABLE, operator: "Exists", tolerationSeconds: 1 }],
    });
    const [stays] = await Promise.all([
      podWhen(harness.client, "stays", isReady, "is ready"),
      podWhen(harness.client, "leaves", isReady, "is ready"),
    ]);
    cluster.cut("app-1");
    const silent = await nodeWhen(harness.client, "app-1", (node) => taintsOf(node).length === 2, "is tainted");
    expect(taintsOf(silent)).toEqual([`${UNREACHABLE}:NoSchedule`, `${UNREACHABLE}:NoExecute`]);
    expect(silent.status?.conditions?.find((one) => one.type === "Ready")).toMatchObject({
      status: "Unknown",
      reason: "NodeStatusUnknown",
    });
    await podWhen(harness.client, "stays", (pod) => !isReady(pod), "is called unready");
    await podWhen(harness.client, "leaves", (pod) => pod.metadata.deletionTimestamp !== undefined, "is told to go");
    expect(await ask(stays, "/ready")).not.toBe("");
    cluster.heal("app-1");
    await goneWhen(harness.client, "leaves");
    await nodeWhen(harness.client, "app-1", (node) => isReady(node) && taintsOf(node).length === 0, "is well again");
    const again = await podWhen(harness.client, "stays", isReady, "is ready again");
    expect(again.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  it("evict nobody when all of them are silent", async () => {
    const cluster = await harness.startHere();
    await create("stays", {
      nodeName: "app-1",
      tolerations: [{ key: UNREACHABLE, operator: "Exists", tolerationSeconds: 0 }],
    });
    await podWhen(harness.client, "stays", isReady, "is ready");
    for (const name of ["app-1", "app-2", "system-1"]) cluster.cut(name);
    for (const name of ["app-1", "app-2", "system-1"]) {
      await nodeWhen(
        harness.client,
        name,
        (node) => taintsOf(node).includes(`${UNREACHABLE}:NoSchedule`),
        "is tainted",
      );
    }
    await eventually(async () => {
      const nodes = await Promise.all(
        ["app-1", "app-2", "system-1"].map(async (name) => findObject(harness.client, NODES, { name })),
      );
      return nodes.every((node) => node !== undefined && taintsOf(node).join() === `${UNREACHABLE}:NoSchedule`)
        ? true
        : undefined;
    }, "no NoExecute taint is left");
    expect((await podNow(harness.client, "stays"))?.metadata.deletionTimestamp).toBeUndefined();
  });

  it("lose their pods when they are deleted", async () => {
    const cluster = await harness.startHere();
    await create("lost", { nodeName: "app-2" });
    await podWhen(harness.client, "lost", isReady, "is ready");
    await cluster.removeHost("app-2");
    await deleteObject(harness.client, NODES, { name: "app-2" });
    await goneWhen(harness.client, "lost");
  });

  it("are drained by kubectl: the pods of a controller end, and a budget holds one back until it may go", async () => {
    await harness.startHere();
    const owner = await sentinel();
    await create("held", { nodeName: "app-1" }, { ownerReferences: [owner] });
    await podWhen(harness.client, "held", isReady, "is ready");
    await createObject(harness.client, DISRUPTION_BUDGETS, {
      metadata: at("held"),
      spec: { minAvailable: 1, selector: { matchLabels: { app: "held" } } },
    });
    await eventually(async () => {
      const budget = await findObject(harness.client, DISRUPTION_BUDGETS, at("held"));
      return budget?.status?.expectedPods === 1 && budget.status.currentHealthy === 1 ? budget : undefined;
    }, "the budget has counted");
    await expect(harness.kubectl("drain", "app-1", "--timeout=2s")).rejects.toThrow(
      /disruption budget|timed out|timeout/,
    );
    await nodeWhen(
      harness.client,
      "app-1",
      (node) => taintsOf(node).includes("node.kubernetes.io/unschedulable:NoSchedule"),
      "shows its cordon",
    );
    await deleteObject(harness.client, DISRUPTION_BUDGETS, at("held"));
    expect(await harness.kubectl("drain", "app-1", "--timeout=30s")).toContain("drained");
    expect(await podNow(harness.client, "held")).toBeUndefined();
    await harness.kubectl("uncordon", "app-1");
    await nodeWhen(harness.client, "app-1", (node) => taintsOf(node).length === 0, "is open again");
  });
});

describe("garbage", () => {
  it("is what names an owner that is gone, or one that never was", async () => {
    await harness.startHere();
    const owner = await sentinel();
    await create("kept", {}, { ownerReferences: [owner] });
    await create("stray", {}, { ownerReferences: [{ ...owner, uid: "00000000-0000-0000-0000-000000000000" }] });
    await goneWhen(harness.client, "stray");
    await podWhen(harness.client, "kept", isReady, "is ready");
    await deleteObject(harness.client, CONFIG_MAPS, at("sentinel"));
    await goneWhen(harness.client, "kept");
  });
});

describe("the cluster's process", () => {
  it("killed without warning, adopts the pods that outlive it", async () => {
    const first = await harness.startProcess({ CLUSTER_KEEP_PODS: "1" });
    await create("survivor");
    const before = await podWhen(harness.client, "survivor", isReady, "is ready");
    const pid = await ask(before, "/");
    first.kill("SIGKILL");
    await new Promise((resolve) => first.once("exit", resolve));
    expect(await ask(before, "/say/alone")).toBe(pid);
    await harness.startProcess();
    const after = await podWhen(harness.client, "survivor", isReady, "is ready");
    expect(await ask(after, "/")).toBe(pid);
    expect(after.status?.containerStatuses?.[0]?.restartCount).toBe(0);
    expect(await harness.kubectl("logs", "survivor", "--tail=1")).toBe("alone\n");
    expect(await harness.kubectl("exec", "survivor", "--", "sh", "-c", "echo $HOSTNAME")).toBe("survivor\n");
    await deleteObject(harness.client, PODS, at("survivor"));
    await goneWhen(harness.client, "survivor");
    await expect(ask(after, "/")).rejects.toThrow("fetch failed");
  });

  it("killed without warning, takes its pods along otherwise, and starts them again", async () => {
    const first = await harness.startProcess();
    await create("phoenix");
    const before = await podWhen(harness.client, "phoenix", isReady, "is ready");
    first.kill("SIGKILL");
    await new Promise((resolve) => first.once("exit", resolve));
    await eventually(
      async () =>
        ask(before, "/").then(
          () => undefined,
          () => true,
        ),
      "the pod has ended too",
    );
    await harness.startProcess();
    const after = await podWhen(
      harness.client,
      "phoenix",
      (pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1,
      "runs again",
    );
    expect(after.status?.podIP).toBe(before.status?.podIP);
    expect(after.metadata.uid).toBe(before.metadata.uid);
  });

  it("ends what was left of a pod that was removed meanwhile", async () => {
    const first = await harness.startProcess({ CLUSTER_KEEP_PODS: "1" });
    await create("orphan");
    const before = await podWhen(harness.client, "orphan", isReady, "is ready");
    first.kill("SIGKILL");
    await new Promise((resolve) => first.once("exit", resolve));
    await deleteObject(harness.client, PODS, at("orphan"), { graceSeconds: 0 });
    await harness.startProcess();
    await expect(ask(before, "/")).rejects.toThrow("fetch failed");
  });
});
