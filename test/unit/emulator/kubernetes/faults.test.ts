/** The faults on demand, seen by our own client: what each does, and that the reflector outlives it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startKubernetesApi, type KubernetesApi } from "@shoal/emulator/kubernetes/index.ts";
import { kubernetesClient, type KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { kubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import { KubernetesError } from "@shoal/functions/adapters/kubernetes/error.ts";
import { listObjects } from "@shoal/functions/adapters/kubernetes/list.ts";
import { startReflector, type Reflector } from "@shoal/functions/adapters/kubernetes/reflector.ts";
import { CONFIG_MAPS, createObject, getObject } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { ConfigMapObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { watchObjects } from "@shoal/functions/adapters/kubernetes/watch.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { eventually, systemClock } from "../../../support/clock.ts";

let folder: string;
let api: KubernetesApi;
let client: KubernetesClient;
let reflector: Reflector<ConfigMapObject>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-kubernetes-"));
  api = await startKubernetesApi({ host: "127.0.0.1", port: 0, dataDir: folder, log: silentLog, clock: systemClock });
  const config = await kubeConfigFrom(api.kubeconfigYaml);
  client = kubernetesClient({ config, clock: systemClock, random: seeded(1), deadline: seconds(3) });
  reflector = startReflector({ client, resource: CONFIG_MAPS, log: silentLog, namespace: "default" });
  await reflector.synced;
  await eventually(() => (api.faults.openWatches("configmaps") === 1 ? true : undefined), "the reflector watches");
});
afterEach(async () => {
  await api.faults.clear();
  await reflector.stop();
  await client.close();
  await api.stop();
  await rm(folder, { recursive: true, force: true });
});

const make = async (name: string) => createObject(client, CONFIG_MAPS, { metadata: { name, namespace: "default" } });
const seen = async (name: string) => eventually(() => reflector.store.get(`default/${name}`), `${name} is seen`);
const refused = async (call: Promise<unknown>): Promise<KubernetesError> =>
  call.then(
    () => {
      throw new Error("it was not refused");
    },
    (thrown: unknown) => {
      if (thrown instanceof KubernetesError) return thrown;
      throw thrown;
    },
  );
const watchOnce = async (resourceVersion: string) => {
  const watch = watchObjects(client, CONFIG_MAPS, { resourceVersion, timeout: seconds(1) });
  for await (const event of watch) if (event.type === "END") return event;
  throw new Error("a watch ends with END");
};

describe("watches", () => {
  it("are cut, and the reflector goes on", async () => {
    expect(api.faults.cutWatches("configmaps")).toBe(1);
    await make("after-the-cut");
    await seen("after-the-cut");
  });

  it("are cut by kind: those of another live on", () => {
    expect(api.faults.cutWatches("pods")).toBe(0);
  });

  it.each(["stream", "http"] as const)("expire by %s, and the reflector lists anew", async (form) => {
    api.faults.expireWatches(form, 1);
    expect(await watchOnce("1")).toMatchObject({ because: "expired", error: { status: 410, reason: "Expired" } });
    api.faults.expireWatches(form, 2);
    api.faults.cutWatches();
    await make(`after-${form}`);
    await seen(`after-${form}`);
  });

  it("from a version that fell out of the window expire by themselves", async () => {
    await make("old");
    api.faults.compact();
    expect(await watchOnce("1")).toMatchObject({ because: "expired" });
  });
});

describe("requests", () => {
  it("that write meet as many conflicts as were ordered", async () => {
    api.faults.conflictWrites(2);
    expect(await refused(make("a"))).toMatchObject({ status: 409, reason: "Conflict" });
    expect(await refused(make("a"))).toMatchObject({ status: 409, reason: "Conflict" });
    await make("a");
  });

  it("are throttled with the time to wait", async () => {
    api.faults.throttle(1, 7);
    expect(await refused(make("b"))).toMatchObject({ status: 429, retryAfterSeconds: 7 });
    await make("b");
  });

  it("that list wait, and no others", async () => {
    await make("c");
    api.faults.slowLists(seconds(60));
    const call = listObjects(client, CONFIG_MAPS, { namespace: "default", project: (one) => one });
    expect(await refused(call)).toMatchObject({ status: 0, reason: "Timeout" });
    await getObject(client, CONFIG_MAPS, { name: "c", namespace: "default" });
    api.faults.slowLists(milliseconds(0));
  });

  it("that read see the past while reads are stale, though watches do not", async () => {
    await make("before");
    api.faults.staleReads(true);
    await make("behind");
    await seen("behind");
    const get = getObject(client, CONFIG_MAPS, { name: "behind", namespace: "default" });
    expect(await refused(get)).toMatchObject({ status: 404 });
    const listed = await listObjects(client, CONFIG_MAPS, {
      namespace: "default",
      project: (one) => one.metadata.name,
    });
    expect(listed.items).toEqual(["before"]);
    api.faults.staleReads(false);
    await getObject(client, CONFIG_MAPS, { name: "behind", namespace: "default" });
  });

  it("are refused without a look at their token, and taken again", async () => {
    api.faults.rejectTokens(true);
    expect(await refused(make("d"))).toMatchObject({ status: 401 });
    api.faults.rejectTokens(false);
    await make("d");
  });

  it("find nobody while connections are refused; afterwards the reflector goes on", async () => {
    await api.faults.refuseConnections(true);
    expect(await refused(make("e"))).toMatchObject({ status: 0 });
    await api.faults.refuseConnections(false);
    await make("e");
    await seen("e");
  });
});
