/**
 * One suite for every state backend: a folder, a ConfigMap of the Kubernetes stand-in over TLS, and an S3 service with and
 * without conditional writes. Then what a whole processor does with the two that are not files.
 */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { startKubernetesApi, type KubernetesApi } from "@shoal/emulator/kubernetes/index.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import type { KubernetesAccess, S3Bucket } from "@shoal/processor/config/config.ts";
import type { StateBackend } from "@shoal/processor/state/backend.ts";
import { CONFIG_MAP_MAX_BYTES, configMapBackend } from "@shoal/processor/state/config-map.ts";
import { fileBackend } from "@shoal/processor/state/file.ts";
import { StateKeeper } from "@shoal/processor/state/keeper.ts";
import { kubernetesCall } from "@shoal/processor/state/kubernetes-call.ts";
import { s3Backend } from "@shoal/processor/state/s3.ts";
import { eventually, systemClock } from "../../../support/clock.ts";
import { endChildren, FIXTURE, startChild } from "./support/child.ts";
import { startS3, type S3StandIn } from "./support/s3-stand-in.ts";

const NAMES = { podName: "p", appName: "a" };
let folder = "";
let kubernetes: KubernetesApi;
let access: KubernetesAccess;
let s3: S3StandIn;
let plainS3: S3StandIn;
let ids = 0;

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly "certificate-authority-data": string } }[];
  readonly users: readonly { readonly user: { readonly token: string } }[];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-backends-"));
  const dataDir = join(folder, "kubernetes");
  [s3, plainS3, kubernetes] = await Promise.all([
    startS3(),
    startS3(),
    startKubernetesApi({ host: "127.0.0.1", port: 0, dataDir, log: silentLog, clock: systemClock }),
  ]);
  plainS3.lackConditions();
  const { clusters, users } = parse(kubernetes.kubeconfigYaml) as Kubeconfig;
  const ca = Buffer.from(clusters[0]?.cluster["certificate-authority-data"] ?? "", "base64");
  access = { url: kubernetes.url, tokenFile: join(folder, "token"), caFile: join(folder, "ca.crt") };
  await Promise.all([
    writeFile(access.tokenFile, `${users[0]?.user.token ?? ""}\n`),
    writeFile(join(folder, "ca.crt"), ca),
  ]);
});
afterEach(endChildren);
afterAll(async () => {
  await Promise.all([s3.stop(), plainS3.stop(), kubernetes.stop()]);
  await rm(folder, { recursive: true, force: true });
});

const bucketOf = (endpoint: string): S3Bucket => ({
  endpoint,
  bucket: "bucket",
  prefix: "dory-state",
  region: "eu-west-1",
  accessKeyId: "id",
  secretAccessKey: new Secret("key"),
  sessionToken: undefined,
});
const owner = (processorId: string): { processorId: string; namespace: string } => ({
  processorId,
  namespace: "default",
});
const BACKENDS: readonly (readonly [string, (id: string) => Promise<StateBackend> | StateBackend])[] = [
  ["a folder", (id) => fileBackend(join(folder, "files"), id)],
  ["a ConfigMap", (id) => configMapBackend(access, owner(id), () => "2026-01-01T00:00:00.000Z")],
  ["an S3 bucket", (id) => s3Backend(bucketOf(s3.url), id, silentLog)],
  ["an S3 bucket without conditional writes", (id) => s3Backend(bucketOf(plainS3.url), id, silentLog)],
];
const revisionOf = (written: { revision: string } | "changed"): string =>
  written === "changed" ? "" : written.revision;
const body = (epoch: number, sequence: number, value: string): string =>
  JSON.stringify({ data: { value }, epoch, sequence });
const valueOf = async (keeper: StateKeeper): Promise<unknown> => {
  const kept = await keeper.probe();
  return kept.kind === "readable" ? kept.body.data["value"] : kept.kind;
};

describe.each(BACKENDS)("%s", (_, make) => {
  test("keeps two documents apart, and forgets one of them", async () => {
    const backend = await make(`id-${ids++}`);
    expect(await backend.read("state")).toBeUndefined();
    await backend.remove("state");
    await backend.write("state", '{"a":"ü"}', undefined);
    await backend.write("restarts", "{}", undefined);
    expect((await backend.read("state"))?.text).toBe('{"a":"ü"}');
    await backend.remove("state");
    expect([await backend.read("state"), (await backend.read("restarts"))?.text]).toEqual([undefined, "{}"]);
    expect(await backend.write("state", '{"b":1}', undefined)).not.toBe("changed");
  });

  test("replaces only the version that was read", async () => {
    const id = `id-${ids++}`;
    const [one, other] = [await make(id), await make(id)];
    const first = revisionOf(await one.write("state", "1", undefined));
    expect(await other.write("state", "x", undefined)).toBe("changed");
    const second = revisionOf(await other.write("state", "2", first));
    expect(await one.write("state", "3", first)).toBe("changed");
    expect((await one.read("state"))?.text).toBe("2");
    expect(await one.write("state", "3", second)).not.toBe("changed");
    await one.remove("state");
    expect(await other.write("state", "4", second)).toBe("changed");
  });

  test("takes a later activation's state and refuses an older one's", async () => {
    const id = `id-${ids++}`;
    const [old, next] = [new StateKeeper(await make(id), NAMES), new StateKeeper(await make(id), NAMES)];
    await old.probe();
    await old.save(body(1, 7, "old"), { epoch: 1, sequence: 7 });
    await next.probe();
    await next.save(body(2, 1, "next"), { epoch: 2, sequence: 1 });
    await expect(old.save(body(1, 8, "late"), { epoch: 1, sequence: 8 })).rejects.toMatchObject({ code: "conflict" });
    await expect(old.save(body(2, 0, "late"), { epoch: 2, sequence: 0 })).rejects.toMatchObject({ code: "conflict" });
    expect(await valueOf(next)).toBe("next");
    await next.keepRestarts({ restarts: 2, startedAt: 5 });
    expect(await old.restarts()).toEqual({ restarts: 2, startedAt: 5 });
    await next.save(body(2, 2, "more"), { epoch: 2, sequence: 2 });
    expect(await valueOf(old)).toBe("more");
  });

  test("tells a broken state from none", async () => {
    const backend = await make(`id-${ids++}`);
    const keeper = new StateKeeper(backend, NAMES);
    expect(await keeper.probe()).toEqual({ kind: "none" });
    await backend.write("state", '{"data":', undefined);
    expect(await keeper.probe()).toMatchObject({ kind: "corrupt" });
    await keeper.save(body(1, 1, "new"), { epoch: 1, sequence: 1 });
    expect(await valueOf(keeper)).toBe("new");
  });
});

describe("a folder", () => {
  test("holds no drafts after a write, and says why it cannot be written", async () => {
    const backend = await fileBackend(join(folder, "clean"), "x");
    await backend.write("state", "1", undefined);
    expect(await readdir(join(folder, "clean"))).toEqual(["dory-state-x.json"]);
    await writeFile(join(folder, "not-a-folder"), "");
    await expect(fileBackend(join(folder, "not-a-folder"), "x")).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("a ConfigMap", () => {
  test("has the name, key, label and annotations that Dory's has", async () => {
    const backend = configMapBackend(access, owner("shape"), () => "2026-01-01T00:00:00.000Z");
    await backend.write("state", "{}", undefined);
    const { body: found } = await kubernetesCall(access)(
      "GET",
      "/api/v1/namespaces/default/configmaps/dory-state-shape",
    );
    expect(found).toMatchObject({
      metadata: {
        labels: { "dory.io/state-owner": "shape" },
        annotations: { "dory.io/state-ttl": "3600", "dory.io/created-timestamp": "2026-01-01T00:00:00.000Z" },
      },
      data: { state: "{}" },
    });
  });

  test("says whose fault it is that it cannot be had", async () => {
    const wrongToken = join(folder, "wrong-token");
    await writeFile(wrongToken, "nobody");
    const make = (changed: Partial<KubernetesAccess>): StateBackend =>
      configMapBackend({ ...access, ...changed }, owner("nobody"), () => "");
    await expect(make({ tokenFile: wrongToken }).read("state")).rejects.toMatchObject({ code: "permission_denied" });
    await expect(make({ caFile: undefined }).read("state")).rejects.toMatchObject({ code: "unavailable" });
    await expect(make({ url: "https://127.0.0.1:1" }).read("state")).rejects.toMatchObject({ code: "unavailable" });
    await expect(make({ tokenFile: "/nowhere" }).read("state")).rejects.toMatchObject({ code: "unavailable" });
  });

  test("carries a processor over its death, and says that a state is too large for it", async () => {
    const env = {
      DORY_PROCESSOR_ID: "in-map",
      DORY_STATE_BACKEND: "configmap",
      DORY_STATE_SAVE_INTERVAL_SEC: "0.1",
      DORY_KUBERNETES_URL: access.url,
      DORY_KUBERNETES_TOKEN_FILE: access.tokenFile,
      DORY_KUBERNETES_CA_FILE: access.caFile ?? "",
    };
    const keeper = new StateKeeper(
      configMapBackend(access, owner("in-map"), () => ""),
      NAMES,
    );
    const first = await startChild(FIXTURE, env);
    await first.ready();
    await first.call("/value", { method: "PUT", body: "in a map" });
    await eventually(async () => ((await valueOf(keeper)) === "in a map" ? true : undefined), "saved");
    await first.end("SIGKILL");
    const second = await startChild(FIXTURE, env);
    await second.ready();
    expect(await (await second.call("/value")).json()).toEqual({ value: "in a map", attempt: 2 });
    await second.call("/value", { method: "PUT", body: "x".repeat(CONFIG_MAP_MAX_BYTES) });
    await eventually(() => (second.log().includes("use pvc or s3") ? true : undefined), "told");
    expect(await second.end("SIGTERM")).toBe(1);
    expect(await valueOf(keeper)).toBe("in a map");
  });
});

describe("an S3 bucket", () => {
  const env = (id: string, endpoint: string): Record<string, string> => ({
    DORY_PROCESSOR_ID: id,
    DORY_STATE_BACKEND: "s3",
    DORY_STATE_SAVE_INTERVAL_SEC: "0.1",
    DORY_STATE_S3_ENDPOINT: endpoint,
    DORY_STATE_S3_BUCKET: "bucket",
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "key",
  });

  test("carries a processor from one epoch to the next, under Dory's key", async () => {
    const first = await startChild(FIXTURE, { ...env("in-s3", s3.url), DORY_EPOCH: "1" });
    await first.ready();
    await first.call("/value", { method: "PUT", body: "in a bucket" });
    expect(await first.end("SIGTERM")).toBe(0);
    expect([...s3.objects.keys()].filter((key) => key.includes("in-s3"))).toEqual([
      "/bucket/dory-state/in-s3/state.json",
    ]);
    const second = await startChild(FIXTURE, { ...env("in-s3", s3.url), DORY_EPOCH: "2" });
    await second.ready();
    expect(await (await second.call("/value")).json()).toEqual({ value: "in a bucket", attempt: 1 });
  });

  test("that is out is waited for, and never taken for an empty one", async () => {
    const flaky = await startS3();
    const first = await startChild(FIXTURE, env("flaky", flaky.url));
    await first.ready();
    await first.call("/value", { method: "PUT", body: "kept" });
    expect(await first.end("SIGTERM")).toBe(0);
    flaky.fail(true);
    const second = await startChild(FIXTURE, env("flaky", flaky.url));
    await eventually(
      () => (second.log().includes("reading the state failed; trying again") ? true : undefined),
      "waits",
    );
    expect([(await second.call("/health")).status, (await second.call("/ready")).status]).toEqual([200, 503]);
    flaky.fail(false);
    await second.ready();
    expect(await (await second.call("/value")).json()).toMatchObject({ value: "kept" });
    expect(await second.end("SIGTERM")).toBe(0);
    await flaky.stop();
  });

  test("that refuses its key fails the start", async () => {
    const child = await startChild(FIXTURE, { ...env("refused", s3.url), AWS_ACCESS_KEY_ID: "wrong" });
    expect(await child.exit).toBe(1);
    expect(child.log()).toContain("permission_denied");
  });
});
