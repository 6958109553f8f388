/** The road end to end: a processor asked for over HTTPS runs, publishes, is changed, killed, kept running, and goes. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubernetesClient, type KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { kubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import { CONFIG_MAPS, deleteObject, findObject, PODS } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import type { Processor } from "@shoal/shared/wire/endpoints/processors.ts";
import { eventually, systemClock } from "../support/clock.ts";
import { startTestStack, type TestStack } from "./stack.ts";

const NAMESPACE = "dory-apps";

let test_: TestStack;
let kubernetes: KubernetesClient;

beforeAll(async () => {
  test_ = await startTestStack();
  const config = await kubeConfigFrom(await readFile(test_.stack.local.kubeconfig, "utf8"));
  kubernetes = kubernetesClient({ config, clock: systemClock, random: seeded(1) });
  const [image_uri = "", digest = ""] = (test_.stack.images["word-count"] ?? "").split("@");
  await test_.client.call("templates.create", { body: { slug: "words" } });
  await test_.client.call("versions.create", {
    params: { id: "words" },
    body: {
      version: "1",
      image_uri,
      digest,
      runtime_config_template: {
        resources: { cpu_request: "50m", memory_request: "64Mi" },
        health_probes: { initial_delay_sec: 30, period: 1, timeout: 2 },
      },
    },
  });
});
afterAll(async () => {
  await kubernetes.close();
  await test_.stop();
});

const processor = (name: string): Promise<Processor> => test_.client.call("processors.get", { params: { id: name } });
const pod = (name: string): Promise<PodObject | undefined> =>
  findObject(kubernetes, PODS, { namespace: NAMESPACE, name });
const done = async (operation: { readonly id: string }): Promise<void> => {
  const ended = await test_.client.waitForOperation(operation.id);
  expect(ended).toMatchObject({ state: "succeeded", error: null });
};
const runningAgain = (name: string, epoch: number): Promise<Processor> =>
  eventually(async () => {
    const now = await processor(name);
    return now.status === "running" && now.epoch > epoch && now.health_status === "healthy" ? now : undefined;
  }, `${name} runs under an epoch after ${epoch}`);

test(
  "a processor is created, counts words, is changed, killed, restarted and deleted",
  { timeout: 180_000 },
  async () => {
    const { client } = test_;
    const created = await client.call("processors.create", { body: { name: "words", template: "words" } });
    await done(created.operation);
    const first = await processor("words");
    expect(first).toMatchObject({ status: "running", epoch: 1, observed_generation: 1 });
    expect(first.conditions.map(({ type, status }) => [type, status])).toEqual([
      ["Accepted", "True"],
      ["Placed", "True"],
      ["PodCreated", "True"],
      ["Ready", "True"],
    ]);

    const running = await pod(first.pod_name ?? "");
    expect(running?.metadata.labels).toMatchObject({ "processor-id": first.id, "managed-by": "dory-orchestrator" });
    expect(running?.spec.serviceAccountName).toBe("dory-processor");
    expect(running?.metadata.ownerReferences?.[0]).toMatchObject({ kind: "ConfigMap", controller: true });
    const sentinel = await findObject(kubernetes, CONFIG_MAPS, { namespace: NAMESPACE, name: "dory-controller-ref" });
    expect(sentinel?.metadata.uid).toBe(running?.metadata.ownerReferences?.[0]?.uid);

    const counted = await fetch(`http://${running?.status?.podIP}:8080/text`, {
      method: "POST",
      body: "a rose is a rose",
    });
    expect(counted.status).toBeLessThan(300);
    await counted.text();

    const changed = await client.call("processors.update", {
      params: { id: "words" },
      body: { config: { env_vars: { GREETING: "hello" } } },
      ifMatch: first.generation,
    });
    await done(changed.operation);
    const second = await processor("words");
    expect(second).toMatchObject({ status: "running", epoch: 2, observed_generation: 2 });
    expect(await pod(first.pod_name ?? "")).toBeUndefined();
    const environment = (await pod(second.pod_name ?? ""))?.spec.containers[0]?.env ?? [];
    expect(environment).toContainEqual({ name: "GREETING", value: "hello" });

    await deleteObject(kubernetes, PODS, { namespace: NAMESPACE, name: second.pod_name ?? "" });
    const third = await runningAgain("words", 2);

    await done((await client.call("processors.restart", { params: { id: "words" } })).operation);
    await runningAgain("words", third.epoch);

    await done((await client.call("processors.delete", { params: { id: "words" } })).operation);
    expect((await processor(first.id)).status).toBe("terminated");
    const left = await eventually(async () => {
      const gone = await pod(`${third.pod_name}`);
      return gone === undefined ? true : undefined;
    }, "the pod is gone");
    expect(left).toBe(true);
  },
);

test("what no host can ever hold is told so, and what was told stays deletable", async () => {
  const { client } = test_;
  const huge = { resources: { cpu_request: "900", cpu_limit: "900" } };
  const created = await client.call("processors.create", { body: { name: "huge", template: "words", config: huge } });
  const ended = await client.waitForOperation(created.operation.id);
  expect(ended.state).toBe("failed");
  const now = await processor("huge");
  expect(now.status).toBe("failed");
  expect(now.conditions.find(({ type }) => type === "Placed")).toMatchObject({
    status: "False",
    reason: "Unsatisfiable",
  });
  await done((await client.call("processors.delete", { params: { id: "huge" } })).operation);
});
