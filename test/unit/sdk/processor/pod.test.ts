/** A processor as the orchestrator's pod: the manifest that `podManifest` makes, run by the cluster's kubelet. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildImage } from "@shoal/emulator/cluster/images/build.ts";
import { createObject, deleteObject, PODS } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { podManifest, type PodIntent } from "@shoal/shared/decide/pod-spec.ts";
import { runtimeConfigSchema } from "@shoal/shared/wire/runtime-config.ts";
import {
  goneWhen,
  isReady,
  NAMESPACE,
  podWhen,
  startHarness,
  type Harness,
} from "../../../conformance/cluster/harness.ts";

const WORD_COUNT = resolve(import.meta.dirname, "../../../../sdk/processor/examples/word-count");
let harness: Harness;
let volume = "";
beforeAll(async () => {
  volume = await mkdtemp(join(tmpdir(), "shoal-volume-"));
  harness = await startHarness();
  await harness.startHere();
});
afterAll(async () => {
  await harness.close();
  await rm(volume, { recursive: true, force: true });
});

async function start(intent: PodIntent, epoch: number): Promise<{ name: string; url: string }> {
  const placement = { epoch, hostName: undefined, sentinelUid: "none", imagePullSecret: "none" };
  const { name, object } = podManifest(intent, placement);
  // There is no sentinel here, and the garbage collector removes what belongs to nothing.
  const pod = structuredClone(object) as unknown as PodObject & { metadata: { ownerReferences?: unknown } };
  delete pod.metadata.ownerReferences;
  await createObject(harness.client, PODS, pod);
  const ready = await podWhen(harness.client, name, isReady, "is ready");
  return { name, url: `http://${ready.status?.podIP ?? ""}:8080` };
}

test("word-count starts, is probed, stops by prestop and goes on under the next epoch", async () => {
  const image = await buildImage(join(harness.dataDir, "images"), WORD_COUNT);
  const [imageUri = "", digest = ""] = image.split("@");
  const config = runtimeConfigSchema.parse({
    resources: { cpu_request: "100m", memory_request: "64Mi" },
    env_vars: { DORY_STATE_BACKEND: "pvc", DORY_STATE_PVC_MOUNT: volume, DORY_STATE_SAVE_INTERVAL_SEC: "3600" },
  });
  const intent: PodIntent = {
    processorId: "prc-abcdefghijkmnpqrstuv",
    processorName: "words",
    organisationId: "org-1",
    templateSlug: "word-count",
    version: "1.0.0",
    imageUri,
    digest,
    nodeType: "managed",
    namespace: NAMESPACE,
    config,
    restartsRequested: 0,
    sensor: { name: "roof", latitude: 52.52, longitude: 13.405 },
  };
  const first = await start(intent, 1);
  expect((await fetch(`${first.url}/text`, { method: "POST", body: "one two two" })).status).toBe(202);
  await deleteObject(harness.client, PODS, { namespace: NAMESPACE, name: first.name });
  await goneWhen(harness.client, first.name);
  const second = await start(intent, 2);
  const counts = await (await fetch(`${second.url}/counts`)).json();
  expect(counts).toMatchObject({ posts: 1, different_words: 2 });
  expect(await (await fetch(second.url)).json()).toMatchObject({ epoch: 2, pod_name: second.name, role: "PRIMARY" });
});
