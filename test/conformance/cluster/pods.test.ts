import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "@shoal/emulator/cluster/cluster.ts";
import { followPodLog, podLogText } from "@shoal/functions/adapters/kubernetes/logs.ts";
import { listObjects } from "@shoal/functions/adapters/kubernetes/list.ts";
import { createObject, deleteObject, EVENTS, PODS, SECRETS } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { eventually } from "../../support/clock.ts";
import { ask, goneWhen, isReady, NAMESPACE, podNow, podWhen, startHarness, webPod, type Harness } from "./harness.ts";

let harness: Harness;
let cluster: Cluster;
beforeAll(async () => {
  harness = await startHarness();
  cluster = await harness.startHere();
});
afterAll(async () => harness.close());

const create = async (...args: Parameters<typeof webPod>) => createObject(harness.client, PODS, webPod(...args));
const at = (name: string) => ({ namespace: NAMESPACE, name });
const eventsOf = async (name: string): Promise<string[]> => {
  const { items } = await listObjects(harness.client, EVENTS, {
    namespace: NAMESPACE,
    fieldSelector: `involvedObject.name=${name}`,
    project: (event) => event.reason,
  });
  return [...items];
};

describe("a pod", () => {
  it("is scheduled, runs at its own address with the environment it asked for, and becomes ready", async () => {
    await createObject(harness.client, SECRETS, {
      metadata: at("hidden"),
      data: { token: Buffer.from("t0p").toString("base64") },
    });
    await create("web", harness.image, {
      env: [
        { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
        { name: "APP", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: "TOKEN", valueFrom: { secretKeyRef: { name: "hidden", key: "token" } } },
        { name: "BOTH", value: "$(APP)/$(TOKEN)" },
      ],
    });
    const pod = await podWhen(harness.client, "web", isReady, "is ready");
    expect(["app-1", "app-2"]).toContain(pod.spec.nodeName);
    expect(pod.status).toMatchObject({ phase: "Running", hostIP: "127.0.0.1", qosClass: "Burstable" });
    const env = JSON.parse(await ask(pod, "/env")) as Record<string, string>;
    expect(env).toMatchObject({
      POD_IP: pod.status?.podIP,
      NODE_NAME: pod.spec.nodeName,
      APP: "web",
      TOKEN: "t0p",
      BOTH: "web/t0p",
      HOSTNAME: "web",
    });
    const said = await eventually(async () => {
      const reasons = await eventsOf("web");
      return reasons.includes("Started") ? reasons : undefined;
    }, "its start is announced");
    expect(said).toEqual(expect.arrayContaining(["Created", "Pulled", "Scheduled", "Started"]));
  });

  it("becomes unready and ready again as its probe says, without a restart", async () => {
    const pod = await podWhen(harness.client, "web", isReady, "is ready");
    await ask(pod, "/busy");
    await podWhen(harness.client, "web", (one) => !isReady(one), "is unready");
    await ask(pod, "/idle");
    const again = await podWhen(harness.client, "web", isReady, "is ready again");
    expect(again.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  it("gives its log, its tail, and what it says from now on", async () => {
    const pod = await podWhen(harness.client, "web", isReady, "is ready");
    await ask(pod, "/say/one");
    await ask(pod, "/say/two");
    expect(await podLogText(harness.client, at("web"), { container: "main" })).toContain("listening on 127.");
    expect(await podLogText(harness.client, at("web"), { tailLines: 1 })).toBe("two\n");
    const controller = new AbortController();
    const heard: string[] = [];
    for await (const line of followPodLog(harness.client, at("web"), { tailLines: 1, signal: controller.signal })) {
      heard.push(line);
      if (heard.length < 3) await ask(pod, `/say/more-${heard.length}`);
      else controller.abort();
    }
    expect(heard).toEqual(["two", "more-1", "more-2"]);
    expect(await harness.kubectl("logs", "web", "--tail=1", "--timestamps")).toMatch(/^\d{4}-\d\d-\d\dT\S+Z more-2\n$/);
  });

  it("runs commands through kubectl exec, with their exit code", async () => {
    expect(await harness.kubectl("exec", "web", "--", "sh", "-c", "echo $HOSTNAME")).toBe("web\n");
    await expect(harness.kubectl("exec", "web", "--", "sh", "-c", "exit 7")).rejects.toMatchObject({ code: 7 });
  });

  it("is restarted when it fails its liveness probe, and keeps its address and its last log", async () => {
    const before = await podWhen(harness.client, "web", isReady, "is ready");
    await ask(before, "/say/last words");
    await ask(before, "/sicken");
    const after = await podWhen(
      harness.client,
      "web",
      (one) => isReady(one) && one.status?.containerStatuses?.[0]?.restartCount === 1,
      "was restarted",
    );
    expect(after.status?.podIP).toBe(before.status?.podIP);
    expect(after.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      exitCode: 0,
      reason: "Completed",
    });
    expect(await podLogText(harness.client, at("web"), { previous: true })).toContain("SIGTERM");
    expect(
      await eventually(
        async () => ((await eventsOf("web")).includes("Unhealthy") ? true : undefined),
        "it was called unhealthy",
      ),
    ).toBe(true);
  });

  it("hears preStop before SIGTERM, and its end is confirmed to the API", async () => {
    const pod = await create("polite", harness.image);
    await podWhen(harness.client, "polite", isReady, "is ready");
    const lines: string[] = [];
    const read = (async () => {
      for await (const line of followPodLog(harness.client, at("polite"), { signal: AbortSignal.timeout(20_000) }))
        lines.push(line);
    })();
    await eventually(() => (lines.length > 0 ? true : undefined), "the log is read");
    expect(await deleteObject(harness.client, PODS, at("polite"), { uid: pod.metadata.uid })).toBe("deleting");
    await goneWhen(harness.client, "polite");
    await read;
    expect(lines.slice(1)).toEqual(["preStop", "SIGTERM"]);
  });

  it("is killed when its grace is over", async () => {
    await create("deaf", harness.image, { env: [{ name: "DEAF", value: "1" }] });
    const pod = await podWhen(harness.client, "deaf", isReady, "is ready");
    await deleteObject(harness.client, PODS, at("deaf"), { graceSeconds: 1 });
    await goneWhen(harness.client, "deaf");
    await expect(ask(pod, "/")).rejects.toThrow("fetch failed");
  });

  it("is killed sooner when a second delete leaves it less time", async () => {
    await create(
      "slow",
      harness.image,
      { env: [{ name: "DEAF", value: "1" }] },
      { terminationGracePeriodSeconds: 600 },
    );
    await podWhen(harness.client, "slow", isReady, "is ready");
    await deleteObject(harness.client, PODS, at("slow"));
    await podWhen(harness.client, "slow", (pod) => pod.metadata.deletionTimestamp !== undefined, "is told to go");
    await deleteObject(harness.client, PODS, at("slow"), { graceSeconds: 1 });
    await goneWhen(harness.client, "slow");
  });

  it("backs off when it crashes again and again, and says so", async () => {
    await create("crash", harness.image, { env: [{ name: "CRASH", value: "3" }] });
    const pod = await podWhen(
      harness.client,
      "crash",
      (one) => one.status?.containerStatuses?.[0]?.state.waiting?.reason === "CrashLoopBackOff",
      "backs off",
    );
    expect(pod.status?.containerStatuses?.[0]).toMatchObject({
      ready: false,
      lastState: { terminated: { exitCode: 3, reason: "Error" } },
    });
    expect(pod.status?.phase).toBe("Running");
    await podWhen(
      harness.client,
      "crash",
      (one) => (one.status?.containerStatuses?.[0]?.restartCount ?? 0) >= 3,
      "goes on trying",
    );
    await eventually(
      async () => ((await podLogText(harness.client, at("crash"), {})) === "crashing\n" ? true : undefined),
      "its newest life's log is given",
    );
    await deleteObject(harness.client, PODS, at("crash"));
    await goneWhen(harness.client, "crash");
  });

  it("ends for good where its policy says so", async () => {
    await create("once", harness.image, { env: [{ name: "CRASH", value: "0" }] }, { restartPolicy: "Never" });
    await create("fails", harness.image, { env: [{ name: "CRASH", value: "1" }] }, { restartPolicy: "Never" });
    await podWhen(harness.client, "once", (one) => one.status?.phase === "Succeeded", "succeeded");
    await podWhen(harness.client, "fails", (one) => one.status?.phase === "Failed", "failed");
  });

  it("waits for an image that is not there", async () => {
    await create("nowhere", "shoal.local/none@sha256:" + "0".repeat(64));
    const reason = (one: PodObject) => one.status?.containerStatuses?.[0]?.state.waiting?.reason;
    await podWhen(harness.client, "nowhere", (one) => reason(one) === "ErrImagePull", "ErrImagePull");
    const pod = await podWhen(
      harness.client,
      "nowhere",
      (one) => reason(one) === "ImagePullBackOff",
      "ImagePullBackOff",
    );
    expect(pod.status?.phase).toBe("Pending");
  });

  it("waits for a secret that it needs, and starts when it comes", async () => {
    await create("needy", harness.image, {
      env: [{ name: "X", valueFrom: { secretKeyRef: { name: "late", key: "k" } } }],
    });
    await podWhen(
      harness.client,
      "needy",
      (one) => one.status?.containerStatuses?.[0]?.state.waiting?.reason === "CreateContainerConfigError",
      "CreateContainerConfigError",
    );
    await createObject(harness.client, SECRETS, { metadata: at("late"), data: { k: "eA==" } });
    await podWhen(harness.client, "needy", isReady, "is ready");
  });

  it("stays pending with the reason where it fits nowhere, and is placed when there is room", async () => {
    await create("huge", harness.image, { resources: { requests: { cpu: "64" } } });
    const pod = await podWhen(
      harness.client,
      "huge",
      (one) => one.status?.conditions?.some((condition) => condition.reason === "Unschedulable") === true,
      "is unschedulable",
    );
    expect(pod.status?.conditions?.find((condition) => condition.type === "PodScheduled")?.message).toBe(
      "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 2 Insufficient cpu.",
    );
    await cluster.addHost({
      name: "big",
      labels: { "workload-type": "application" },
      taints: [],
      capacity: { cpu: "128", memory: "64Gi", pods: "110" },
    });
    expect((await podWhen(harness.client, "huge", isReady, "is ready")).spec.nodeName).toBe("big");
  });

  it("is refused by a host that it was put on without fitting", async () => {
    await create(
      "forced",
      harness.image,
      { resources: { requests: { cpu: "5" } } },
      { nodeName: "app-1", nodeSelector: {} },
    );
    const pod = await podWhen(harness.client, "forced", (one) => one.status?.phase === "Failed", "was refused");
    expect(pod.status?.reason).toBe("OutOfcpu");
  });

  it("is refused where another that came at the same moment has taken the room", async () => {
    const greedy = { resources: { requests: { cpu: "3" } } };
    await Promise.all(
      ["left", "right"].map(async (name) => create(name, harness.image, greedy, { nodeName: "app-2" })),
    );
    const phases = await eventually(async () => {
      const both = await Promise.all(["left", "right"].map(async (name) => podNow(harness.client, name)));
      const words = both.map((one) => one?.status?.phase);
      return words.includes("Pending") || words.includes(undefined) ? undefined : words;
    }, "both are decided");
    expect(new Set(phases)).toEqual(new Set(["Failed", "Running"]));
  });
});
