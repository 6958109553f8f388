/** The port to pods over the wire of an API: what is made, adopted, refused, seen, and never made twice. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { createPods } from "@shoal/functions/adapters/kubernetes/pods/index.ts";
import {
  createObject,
  DISRUPTION_BUDGETS,
  getObject,
  NODES,
  patchObject,
  PODS,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import { budgetName, podManifest, type PodIntent } from "@shoal/shared/decide/pod-spec.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import type { ObserveOptions, PodManifest, Pods } from "@shoal/shared/ports/pods.ts";
import { runtimeConfigSchema } from "@shoal/shared/wire/runtime-config.ts";
import { systemClock } from "../../../../support/clock.ts";
import { around, testKubernetes, type TestKubernetes } from "../../../../support/kubernetes-api.ts";

let api: TestKubernetes;
let writes: string[];
let pods: Pods;
let namespace: string;
let n = 0;
beforeAll(async () => {
  api = await testKubernetes();
});
beforeEach(async () => {
  await api.faults.clear();
  writes = [];
  namespace = `ns-${++n}`;
  pods = podsOver(api.client);
});
afterAll(() => api.stop());

const podsOver = (client: KubernetesClient, stateToken = "token"): Pods =>
  createPods({
    client: around(client, (method, path, act) => {
      if (method !== "GET") writes.push(`${method} ${path}`);
      return act();
    }),
    clock: systemClock,
    log: silentLog,
    secrets: { stateToken: new Secret(stateToken), rabbitmqUrl: new Secret("amqp://bus") },
  });

const intent = (id: string): PodIntent => ({
  processorId: id,
  processorName: "p",
  organisationId: "org-a",
  templateSlug: "app",
  version: "1",
  imageUri: "registry.test/app",
  digest: `sha256:${"0".repeat(64)}`,
  nodeType: "managed",
  namespace,
  config: runtimeConfigSchema.parse({}),
  restartsRequested: 0,
  sensor: undefined,
});

/** A pod of the namespace; on a host, where a name is given, so that it goes only once a kubelet says so. */
const manifest = async (id: string, epoch = 1, hostName?: string): Promise<PodManifest> =>
  podManifest(intent(id), {
    epoch,
    hostName,
    sentinelUid: await pods.sentinelUid(namespace),
    imagePullSecret: "pull",
  });
const create = async (id: string, epoch?: number, hostName?: string) =>
  pods.create(await manifest(id, epoch, hostName));
const look = (since?: string): ObserveOptions => ({ since, quiet: milliseconds(100), atMost: seconds(5) });
const here = <T extends { readonly namespace: string }>(all: readonly T[]): readonly T[] =>
  all.filter((one) => one.namespace === namespace);

describe("a creation", () => {
  it("that is repeated finds the first one's pod, and one budget", async () => {
    const first = await create("prc-a");
    expect(first).toMatchObject({ created: true, pod: { processorId: "prc-a", epoch: 1, namespace } });
    const again = await create("prc-a");
    expect(again).toEqual({ created: false, pod: first.pod });
    const budget = await getObject(api.client, DISRUPTION_BUDGETS, { namespace, name: budgetName("prc-a") });
    expect(budget.spec).toMatchObject({ minAvailable: 1, selector: { matchLabels: { "processor-id": "prc-a" } } });
  });

  it("leaves a pod alone that is not the processor's under this epoch", async () => {
    const { name, object } = await manifest("prc-a");
    const theirs = { ...object, metadata: { name, namespace, labels: { "processor-id": "prc-b" } } };
    const there = await createObject(api.client, PODS, theirs as never);
    await expect(create("prc-a")).rejects.toMatchObject({ code: "conflict" });
    expect((await getObject(api.client, PODS, { namespace, name })).metadata.uid).toBe(there.metadata.uid);
  });

  it("takes only a taken name for a conflict of names", async () => {
    const wanted = await manifest("prc-a");
    // In turn for the budget and for the pod.
    for (const collection of ["/poddisruptionbudgets", "/pods"]) {
      const raced = podsOver(
        around(api.client, (_, path, act) => {
          if (path.endsWith(collection)) api.faults.conflictWrites(1);
          return act();
        }),
      );
      await expect(raced.create(wanted)).rejects.toMatchObject({
        code: "unavailable",
        cause: { status: 409, reason: "Conflict" },
      });
    }
    expect(await pods.create(wanted)).toMatchObject({ created: true });
  });

  it("does not adopt a pod that is going", async () => {
    const { pod } = await create("prc-a", 1, "host-1");
    expect(await pods.delete(namespace, pod.name, { uid: pod.uid, grace: seconds(30) })).toBe("deleting");
    await expect(create("prc-a", 1, "host-1")).rejects.toMatchObject({ code: "conflict" });
  });

  it("says by its code what went wrong", async () => {
    const wanted = await manifest("prc-a");
    const spec = { ...(wanted.object["spec"] as object), containers: [] };
    const bad = { ...wanted, object: { ...wanted.object, spec } };
    await expect(pods.create(bad)).rejects.toMatchObject({ code: "invalid_argument" });
    api.faults.throttle(1, 7);
    await expect(pods.create(wanted)).rejects.toMatchObject({
      code: "rate_limited",
      retryAfterSeconds: 7,
    });
    await api.faults.refuseConnections(true);
    await expect(pods.create(wanted)).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("a deletion", () => {
  it("means the pod of that uid and no other, and what is gone is gone", async () => {
    const { pod } = await create("prc-a");
    expect(await pods.delete(namespace, pod.name, { uid: "another" })).toBe("gone");
    expect(await pods.get(namespace, pod.name)).toEqual(pod);
    await pods.delete(namespace, pod.name, { uid: pod.uid });
    expect(await pods.get(namespace, pod.name)).toBeUndefined();
    expect(await pods.delete(namespace, pod.name, { uid: pod.uid })).toBe("gone");
  });

  it("that is refused is no proof that the pod is gone", async () => {
    const { pod } = await create("prc-a");
    api.faults.conflictWrites(1);
    await expect(pods.delete(namespace, pod.name, { uid: pod.uid })).rejects.toMatchObject({ code: "unavailable" });
    await api.faults.refuseConnections(true);
    await expect(pods.delete(namespace, pod.name, { uid: pod.uid })).rejects.toMatchObject({ code: "unavailable" });
    await expect(pods.get(namespace, pod.name)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("of what went with the pods may come twice", async () => {
    await create("prc-a");
    await pods.forget(namespace, "prc-a");
    await pods.forget(namespace, "prc-a");
    const at = { namespace, name: budgetName("prc-a") };
    await expect(getObject(api.client, DISRUPTION_BUDGETS, at)).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("an observation", () => {
  it("tells everything at first, then what changed and what is gone, of our pods only", async () => {
    const { pod: a } = await create("prc-a");
    const first = await pods.observePods(look());
    expect(first).toMatchObject({ complete: true, gone: [] });
    expect(here(first.changed)).toEqual([a]);

    const { pod: b } = await create("prc-b");
    const { object } = await manifest("prc-c");
    const theirs = { ...object, metadata: { name: "theirs", namespace } };
    await createObject(api.client, PODS, theirs as never);
    await pods.delete(namespace, a.name, { uid: a.uid });
    const second = await pods.observePods(look(first.resourceVersion));
    expect(second).toMatchObject({ complete: false, gone: [`${namespace}/${a.name}`] });
    expect(second.changed).toEqual([b]);
    expect(await pods.observePods(look(second.resourceVersion))).toMatchObject({
      complete: false,
      changed: [],
      gone: [],
    });
  });

  it.each(["stream", "http"] as const)("from a version that is too old (%s) is everything", async (form) => {
    const { pod } = await create("prc-a");
    const { resourceVersion } = await pods.observePods(look());
    api.faults.expireWatches(form);
    const seen = await pods.observePods(look(resourceVersion));
    expect(seen.complete).toBe(true);
    expect(here(seen.changed)).toEqual([pod]);
  });

  it("that fails proves nothing", async () => {
    await create("prc-a");
    const { resourceVersion } = await pods.observePods(look());
    await api.faults.refuseConnections(true);
    await expect(pods.observePods(look(resourceVersion))).rejects.toMatchObject({ code: "unavailable" });
  });

  it("tells of hosts what placement asks for", async () => {
    const name = `host-${n}`;
    await createObject(api.client, NODES, {
      metadata: { name, labels: { "topology.kubernetes.io/zone": "zone-a", tier: "gold" } },
      spec: { unschedulable: true, taints: [{ key: "edge-node", value: "true", effect: "NoSchedule" }] },
    });
    const at = "2026-01-01T00:00:00Z";
    const room = { cpu: "3920m", memory: "8Gi", pods: "110", "nvidia.com/gpu": "2" };
    const status = {
      allocatable: room,
      capacity: room,
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: at, lastHeartbeatTime: at }],
    };
    await patchObject(api.client, NODES, { name }, "merge", { status }, { subresource: "status" });
    const { changed, complete } = await pods.observeHosts(look());
    expect(complete).toBe(true);
    expect(changed.find((host) => host.name === name)).toMatchObject({
      ready: true,
      readyChangedAt: at,
      cordoned: true,
      zone: "zone-a",
      cpuMilli: 3920,
      memoryMiB: 8192,
      pods: 110,
      gpu: 2,
      taints: expect.arrayContaining([{ key: "edge-node", value: "true", effect: "NoSchedule" }]) as unknown,
    });
  });
});
