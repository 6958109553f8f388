/** A pod by its deterministic name: made, or found to be ours already. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { disruptionBudget } from "@shoal/shared/decide/pod-spec.ts";
import type { ObservedPod, PodManifest } from "@shoal/shared/ports/pods.ts";
import type { KubernetesClient } from "../client.ts";
import { KubernetesError } from "../error.ts";
import { createObject, DISRUPTION_BUDGETS, findObject, PODS } from "../resources.ts";
import type { DisruptionBudgetObject, PodObject } from "../types.ts";
import { observedPod } from "./observed.ts";

export async function createPod(
  client: KubernetesClient,
  manifest: PodManifest,
): Promise<{ readonly created: boolean; readonly pod: ObservedPod }> {
  try {
    // The manifest is the API's own JSON, built by the pure middle.
    const pod = await createObject(client, PODS, manifest.object as unknown as PodObject);
    return { created: true, pod: observedPod(pod) };
  } catch (thrown) {
    if (!isTaken(thrown)) throw thrown;
    return { created: false, pod: await adopt(client, manifest) };
  }
}

/** The pod of that name, if it is ours and means to stay. Throws `conflict` otherwise. */
async function adopt(
  client: KubernetesClient,
  { namespace, name, processorId, epoch }: PodManifest,
): Promise<ObservedPod> {
  const there = await findObject(client, PODS, { namespace, name });
  if (there === undefined) throw new ShoalError("unavailable", `pod ${name} has just gone`);
  const pod = observedPod(there);
  if (pod.processorId !== processorId || pod.epoch !== epoch)
    throw new ShoalError("conflict", `the name ${name} belongs to another pod`);
  if (pod.deleting) throw new ShoalError("conflict", `pod ${name} of this epoch is going already`);
  return pod;
}

export async function createBudget(client: KubernetesClient, processorId: string, namespace: string): Promise<void> {
  try {
    const manifest = disruptionBudget(processorId, namespace) as unknown as DisruptionBudgetObject;
    await createObject(client, DISRUPTION_BUDGETS, manifest);
  } catch (thrown) {
    if (!isTaken(thrown)) throw thrown;
  }
}

/** Any other 409 is trouble between writers, which says nothing about the name. */
function isTaken(thrown: unknown): boolean {
  return thrown instanceof KubernetesError && thrown.code === "already_exists";
}
