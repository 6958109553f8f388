/** What a namespace has before its pods: made, mended, guarded, and made again, with an API that loses any of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { KubernetesError } from "@shoal/functions/adapters/kubernetes/error.ts";
import { createPods } from "@shoal/functions/adapters/kubernetes/pods/index.ts";
import {
  CONFIG_MAPS,
  createObject,
  deleteObject,
  findObject,
  getObject,
  NAMESPACES,
  patchObject,
  PODS,
  SECRETS,
  SERVICE_ACCOUNTS,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { PodManifest, Pods } from "@shoal/shared/ports/pods.ts";
import { around, testKubernetes, type TestKubernetes } from "../../../../support/kubernetes-api.ts";

let api: TestKubernetes;
let requests: string[];
let alarms: string[];
let refusal: KubernetesError | undefined;
let monotonic = 0;
let namespace: string;
let pods: Pods;
let n = 0;
beforeAll(async () => {
  api = await testKubernetes();
});
beforeEach(async () => {
  await api.faults.clear();
  requests = [];
  alarms = [];
  namespace = `ns-${++n}`;
  pods = podsOver();
});
afterAll(() => api.stop());

const podsOver = (rabbitmqUrl?: string, stateToken = "token"): Pods =>
  createPods({
    client: around(api.client, (method, path, act) => {
      requests.push(`${method} ${path.split("/").at(-1)}`);
      if (method !== "POST" || refusal === undefined) return act();
      const refused = refusal;
      refusal = undefined;
      throw refused;
    }),
    clock: { monotonic: () => monotonic },
    log: {
      ...silentLog,
      warn: (_, message) => alarms.push(message),
      error: (_, message) => alarms.push(message),
    },
    secrets: {
      stateToken: new Secret(stateToken),
      rabbitmqUrl: rabbitmqUrl === undefined ? undefined : new Secret(rabbitmqUrl),
    },
  });

const at = (name: string) => ({ namespace, name });
const SENTINEL = "dory-controller-ref";
const SECRET = "dory-processor-secrets";
const OURS = "shoal.dev/controller-ref";
const sentinel = async () => getObject(api.client, CONFIG_MAPS, at(SENTINEL));
const letGo = async () =>
  patchObject(api.client, CONFIG_MAPS, at(SENTINEL), "merge", { metadata: { finalizers: null } });
const secretTexts = async () => {
  const { data = {} } = await getObject(api.client, SECRETS, at(SECRET));
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64").toString()]));
};

describe("a namespace", () => {
  it("gets what pods need before the first of them, once", async () => {
    pods = podsOver("amqp://bus");
    const uid = await pods.sentinelUid(namespace);
    expect((await sentinel()).metadata).toMatchObject({ uid, finalizers: [OURS] });
    await getObject(api.client, SERVICE_ACCOUNTS, at("dory-processor"));
    expect(await secretTexts()).toEqual({ "state-token": "token", "rabbitmq-url": "amqp://bus" });
    requests = [];
    pods = podsOver("amqp://bus");
    expect(await pods.sentinelUid(namespace)).toBe(uid);
    expect(requests).toEqual([`GET ${SENTINEL}`, "GET dory-processor", `GET ${SECRET}`]);
    requests = [];
    expect(await pods.sentinelUid(namespace)).toBe(uid);
    expect(requests).toEqual([`GET ${SENTINEL}`]);
  });

  it("is looked at again after a while, and a secret that went is made again", async () => {
    await pods.sentinelUid(namespace);
    await deleteObject(api.client, SECRETS, at(SECRET));
    monotonic += 300_001;
    await pods.sentinelUid(namespace);
    expect(await secretTexts()).toEqual({ "state-token": "token" });
  });

  it("has its secret mended where it differs, what is not configured any more removed, and what others put there kept", async () => {
    await podsOver("amqp://bus").sentinelUid(namespace);
    await patchObject(api.client, SECRETS, at(SECRET), "merge", { data: { theirs: "eA==" } });
    await podsOver(undefined, "another").sentinelUid(namespace);
    expect(await secretTexts()).toEqual({ "state-token": "another", theirs: "x" });
    await podsOver("amqp://other", "another").sentinelUid(namespace);
    expect(await secretTexts()).toEqual({ "state-token": "another", "rabbitmq-url": "amqp://other", theirs: "x" });
  });

  it("has its secret made again at once where a pod says that it waits for it", async () => {
    await createPodNaming(await pods.sentinelUid(namespace), "waiting", { "managed-by": "dory-orchestrator" });
    await deleteObject(api.client, SECRETS, at(SECRET));
    const status = {
      phase: "Pending",
      containerStatuses: [
        {
          name: "main",
          image: "i",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: { waiting: { reason: "CreateContainerConfigError", message: `secret "${SECRET}" not found` } },
        },
      ],
    };
    await patchObject(api.client, PODS, at("waiting"), "merge", { status }, { subresource: "status" });
    await pods.observePods({ since: undefined, quiet: milliseconds(10), atMost: milliseconds(1_000) });
    expect(await secretTexts()).toEqual({ "state-token": "token" });
  });

  it.each(["who knew it", "who did not"])(
    "that goes is let go, and made anew with all that was in it, by one %s",
    async (who) => {
      const first = await pods.sentinelUid(namespace);
      await deleteObject(api.client, NAMESPACES, { name: namespace });
      // Our finalizer holds it.
      await expect.poll(async () => findObject(api.client, SECRETS, at(SECRET))).toBeUndefined();
      expect(await findObject(api.client, NAMESPACES, { name: namespace })).toBeDefined();
      if (who === "who did not") pods = podsOver();
      await expect(pods.sentinelUid(namespace)).rejects.toMatchObject({ code: "unavailable" });
      await expect.poll(async () => pods.sentinelUid(namespace).catch(() => undefined)).toMatch(/./);
      expect((await sentinel()).metadata.uid).not.toBe(first);
      expect(await secretTexts()).toEqual({ "state-token": "token" });
    },
  );

  it("that went and was made again by somebody gets all that pods need", async () => {
    await pods.sentinelUid(namespace);
    await letGo();
    await deleteObject(api.client, NAMESPACES, { name: namespace });
    await expect.poll(async () => findObject(api.client, NAMESPACES, { name: namespace })).toBeUndefined();
    await createObject(api.client, NAMESPACES, { metadata: { name: namespace } });
    await pods.sentinelUid(namespace);
    expect(await secretTexts()).toEqual({ "state-token": "token" });
  });

  it("that went between two calls is no lost object, and the next call makes it", async () => {
    const wanted = podManifestOf(await pods.sentinelUid(namespace), "late");
    await letGo();
    await deleteObject(api.client, NAMESPACES, { name: namespace });
    await expect.poll(async () => findObject(api.client, NAMESPACES, { name: namespace })).toBeUndefined();
    await expect(pods.create(wanted)).rejects.toMatchObject({ code: "unavailable", cause: { code: "not_found" } });
    const again = podManifestOf(await pods.sentinelUid(namespace), "late");
    expect(await pods.create(again)).toMatchObject({ created: true });
  });

  it("is looked at before the next pod where the API refuses one, as it does without the account", async () => {
    const wanted = podManifestOf(await pods.sentinelUid(namespace), "refused");
    await deleteObject(api.client, SERVICE_ACCOUNTS, at("dory-processor"));
    // The stand-in admits pods of any account; a real API does not.
    refusal = new KubernetesError({ status: 403, reason: "Forbidden", message: "error looking up service account" });
    await expect(pods.create(wanted)).rejects.toMatchObject({ code: "permission_denied" });
    await pods.sentinelUid(namespace);
    await getObject(api.client, SERVICE_ACCOUNTS, at("dory-processor"));
  });
});

describe("the sentinel", () => {
  it("that was deleted is held, serves on, and alarms once a minute", async () => {
    const uid = await pods.sentinelUid(namespace);
    await deleteObject(api.client, CONFIG_MAPS, at(SENTINEL));
    expect(await pods.sentinelUid(namespace)).toBe(uid);
    expect(await pods.sentinelUid(namespace)).toBe(uid);
    expect(alarms).toEqual([expect.stringContaining("only its finalizer keeps every pod alive")]);
    monotonic += 60_001;
    expect(await pods.sentinelUid(namespace)).toBe(uid);
    expect(alarms).toHaveLength(2);
  });

  it("that has gone is made again, and that it is another one is an alarm", async () => {
    const first = await pods.sentinelUid(namespace);
    await deleteObject(api.client, CONFIG_MAPS, at(SENTINEL));
    await letGo();
    const second = await pods.sentinelUid(namespace);
    expect(second).not.toBe(first);
    expect(alarms).toEqual([expect.stringContaining("is another one")]);
    expect((await sentinel()).metadata).toMatchObject({ uid: second, finalizers: [OURS] });
  });

  it("takes no pod while it is deleted in the foreground, since its pods go first", async () => {
    const uid = await pods.sentinelUid(namespace);
    // Something that blocks its owner keeps the foreground waiting.
    const owner = { apiVersion: "v1", kind: "ConfigMap", name: SENTINEL, uid, blockOwnerDeletion: true };
    await createObject(api.client, CONFIG_MAPS, {
      metadata: { ...at("blocking"), ownerReferences: [owner], finalizers: ["test.dev/hold"] },
    });
    await deleteObject(api.client, CONFIG_MAPS, at(SENTINEL), { propagation: "Foreground" });
    await expect(pods.sentinelUid(namespace)).rejects.toMatchObject({ code: "unavailable" });
    await patchObject(api.client, CONFIG_MAPS, at("blocking"), "merge", { metadata: { finalizers: null } });
    await expect.poll(async () => pods.sentinelUid(namespace).catch(() => undefined)).toBe(uid);
  });

  it("without our finalizer is given it, beside those of others", async () => {
    await createObject(api.client, NAMESPACES, { metadata: { name: namespace } });
    const made = await createObject(api.client, CONFIG_MAPS, {
      metadata: { ...at(SENTINEL), finalizers: ["test.dev/theirs"] },
    });
    expect(await pods.sentinelUid(namespace)).toBe(made.metadata.uid);
    expect((await sentinel()).metadata.finalizers?.toSorted()).toEqual([OURS, "test.dev/theirs"]);
  });
});

function podManifestOf(sentinelUid: string, name: string): PodManifest {
  return {
    name,
    namespace,
    processorId: "prc-a",
    epoch: 1,
    specHash: "h",
    object: podNaming(sentinelUid, name, { "processor-id": "prc-a", "shoal.dev/epoch": "1" }),
  };
}

function podNaming(uid: string, name: string, labels: Record<string, string>) {
  const owner = { apiVersion: "v1", kind: "ConfigMap", name: SENTINEL, uid, controller: true };
  return {
    metadata: { ...at(name), labels, ownerReferences: [owner] },
    spec: { containers: [{ name: "main", image: "registry.test/app" }] },
  };
}

async function createPodNaming(uid: string, name: string, labels: Record<string, string>): Promise<void> {
  await createObject(api.client, PODS, podNaming(uid, name, labels));
}
