/** What goes only when something else has gone, and goes on after a restart. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startKubernetesApi, type KubernetesApi } from "@shoal/emulator/kubernetes/index.ts";
import { kubernetesClient, type KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { kubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import {
  CONFIG_MAPS,
  createObject,
  deleteObject,
  EVENTS,
  findObject,
  NAMESPACES,
  patchObject,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { Metadata } from "@shoal/functions/adapters/kubernetes/types.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { hours, timestamp, toIso } from "@shoal/shared/base/time.ts";
import { eventually, systemClock } from "../../../support/clock.ts";

let folder: string;
let api: KubernetesApi;
let client: KubernetesClient;
let skew = 0;
const clock = { ...systemClock, now: () => timestamp(systemClock.now() + skew) };
const start = async (): Promise<void> => {
  api = await startKubernetesApi({ host: "127.0.0.1", port: 0, dataDir: folder, log: silentLog, clock });
  const config = await kubeConfigFrom(api.kubeconfigYaml);
  client = kubernetesClient({ config, clock: systemClock, random: seeded(1) });
};
const stop = async (): Promise<void> => {
  await client.close();
  await api.stop();
};
beforeEach(async () => {
  skew = 0;
  folder = await mkdtemp(join(tmpdir(), "shoal-kubernetes-"));
  await start();
});
afterEach(async () => {
  await stop();
  await rm(folder, { recursive: true, force: true });
});

const at = (name: string, namespace = "default") => ({ name, namespace });
const make = async (name: string, metadata: Partial<Metadata> = {}, namespace = "default") =>
  createObject(client, CONFIG_MAPS, { metadata: { ...at(name, namespace), ...metadata } });
const owned = async (name: string, owner: string, finalizers: readonly string[] = []): Promise<void> => {
  const made = await make(owner);
  const uid = made.metadata.uid ?? "";
  const reference = { apiVersion: "v1", kind: "ConfigMap", name: owner, uid, blockOwnerDeletion: true };
  await make(name, { ownerReferences: [reference], finalizers });
};
const there = async (name: string): Promise<boolean> => (await findObject(client, CONFIG_MAPS, at(name))) !== undefined;
const gone = async (name: string) =>
  eventually(async () => ((await there(name)) ? undefined : true), `${name} is gone`);

describe("an owner", () => {
  it("deleted in the foreground goes after what it owns", async () => {
    await owned("child", "owner", ["example.com/hold"]);
    expect(await deleteObject(client, CONFIG_MAPS, at("owner"), { propagation: "Foreground" })).toBe("deleting");
    await eventually(async () => {
      const child = await findObject(client, CONFIG_MAPS, at("child"));
      return child?.metadata.deletionTimestamp;
    }, "the child is told to go");
    expect(await there("owner")).toBe(true);
    await patchObject(client, CONFIG_MAPS, at("child"), "merge", { metadata: { finalizers: null } });
    await gone("owner");
    expect(await there("child")).toBe(false);
  });

  it("deleted to orphan leaves what it owned, without its reference", async () => {
    await owned("child", "owner");
    await deleteObject(client, CONFIG_MAPS, at("owner"), { propagation: "Orphan" });
    await gone("owner");
    expect((await findObject(client, CONFIG_MAPS, at("child")))?.metadata.ownerReferences).toBeUndefined();
  });
});

describe("a namespace", () => {
  it("goes when its contents have gone, a restart in between notwithstanding", async () => {
    await createObject(client, NAMESPACES, { metadata: { name: "short" } });
    await make("held", { finalizers: ["example.com/hold"] }, "short");
    await make("free", {}, "short");
    expect(await deleteObject(client, NAMESPACES, { name: "short" })).toBe("deleting");
    await eventually(
      async () => ((await findObject(client, CONFIG_MAPS, at("free", "short"))) === undefined ? true : undefined),
      "what is not held has gone",
    );
    expect(await findObject(client, NAMESPACES, { name: "short" })).toMatchObject({ status: { phase: "Terminating" } });
    await stop();
    await start();
    await patchObject(client, CONFIG_MAPS, at("held", "short"), "merge", { metadata: { finalizers: null } });
    await eventually(
      async () => ((await findObject(client, NAMESPACES, { name: "short" })) === undefined ? true : undefined),
      "the namespace has gone",
    );
  });
});

describe("an event", () => {
  const event = async (name: string) =>
    createObject(client, EVENTS, {
      metadata: at(name),
      involvedObject: { kind: "Pod", namespace: "default", name: "x" },
      type: "Normal",
      reason: "Tested",
      message: "",
      lastTimestamp: toIso(clock.now()),
    });

  it("is kept for an hour", async () => {
    await event("old");
    skew = hours(2);
    await event("new");
    await eventually(
      async () => ((await findObject(client, EVENTS, at("old"))) === undefined ? true : undefined),
      "the old one has gone",
    );
    expect(await findObject(client, EVENTS, at("new"))).toBeDefined();
  });
});
