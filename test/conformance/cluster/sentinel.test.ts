/** What the garbage collector makes of a sentinel that was deleted and is held, and what the port to pods makes of that. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPods } from "@shoal/functions/adapters/kubernetes/pods/index.ts";
import {
  CONFIG_MAPS,
  createObject,
  deleteObject,
  patchObject,
  PODS,
  SECRETS,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import type { Pods } from "@shoal/shared/ports/pods.ts";
import { eventually, systemClock } from "../../support/clock.ts";
import { goneWhen, isReady, NAMESPACE, podNow, podWhen, startHarness, webPod, type Harness } from "./harness.ts";

let harness: Harness;
let pods: Pods;
beforeAll(async () => {
  harness = await startHarness();
  await harness.startHere();
  pods = createPods({
    client: harness.client,
    clock: systemClock,
    log: silentLog,
    secrets: { stateToken: new Secret("token"), rabbitmqUrl: undefined },
  });
});
afterAll(() => harness.close());

const NAME = "dory-controller-ref";
const SECRET = "dory-processor-secrets";
const at = (name: string) => ({ namespace: NAMESPACE, name });
const createNaming = async (uid: string, name: string, env: Parameters<typeof webPod>[2] = {}) => {
  const owner = { apiVersion: "v1", kind: "ConfigMap", name: NAME, uid, controller: true, blockOwnerDeletion: false };
  const labels = { "managed-by": "dory-orchestrator" };
  await createObject(harness.client, PODS, webPod(name, harness.image, env, {}, { labels, ownerReferences: [owner] }));
};
/** The collector has looked at everything that was before, since it collects what is made last. */
const collectorIsDone = async (probe: string): Promise<void> => {
  await createNaming("00000000-0000-0000-0000-000000000000", probe);
  await goneWhen(harness.client, probe);
};

describe("a sentinel that was deleted", () => {
  it("and is held costs no pod, neither those before nor those after, until it has really gone", async () => {
    const uid = await pods.sentinelUid(NAMESPACE);
    await createNaming(uid, "before");
    await podWhen(harness.client, "before", isReady, "is ready");

    await harness.kubectl("delete", "configmap", NAME, "--wait=false");
    expect(await pods.sentinelUid(NAMESPACE)).toBe(uid);
    await createNaming(uid, "after");
    await podWhen(harness.client, "after", isReady, "is ready");
    await collectorIsDone("probe");
    for (const name of ["before", "after"])
      expect((await podNow(harness.client, name))?.metadata).not.toHaveProperty("deletionTimestamp");

    await patchObject(harness.client, CONFIG_MAPS, at(NAME), "merge", { metadata: { finalizers: null } });
    await goneWhen(harness.client, "before");
    await goneWhen(harness.client, "after");
    const second = await pods.sentinelUid(NAMESPACE);
    expect(second).not.toBe(uid);
    await createNaming(second, "again");
    await podWhen(harness.client, "again", isReady, "is ready");
    await collectorIsDone("probe");
    expect((await podNow(harness.client, "again"))?.metadata).not.toHaveProperty("deletionTimestamp");
  });
});

describe("a secret that was deleted", () => {
  it("is made again when a pod waits for it, which then starts", async () => {
    await createNaming(await pods.sentinelUid(NAMESPACE), "needy", {
      env: [{ name: "X", valueFrom: { secretKeyRef: { name: SECRET, key: "state-token" } } }],
    });
    await podWhen(harness.client, "needy", isReady, "is ready");
    const { resourceVersion } = await pods.observePods({ since: undefined, quiet: seconds(0.1), atMost: seconds(5) });
    await deleteObject(harness.client, SECRETS, at(SECRET));
    await createNaming(await pods.sentinelUid(NAMESPACE), "needier", {
      env: [{ name: "X", valueFrom: { secretKeyRef: { name: SECRET, key: "state-token" } } }],
    });
    await podWhen(
      harness.client,
      "needier",
      (one) => one.status?.containerStatuses?.[0]?.state.waiting?.reason === "CreateContainerConfigError",
      "waits",
    );
    await eventually(async () => {
      const { changed } = await pods.observePods({ since: resourceVersion, quiet: seconds(0.1), atMost: seconds(5) });
      return changed.some(({ name }) => name === "needier") || undefined;
    }, "it is seen");
    await podWhen(harness.client, "needier", isReady, "is ready");
  });
});
