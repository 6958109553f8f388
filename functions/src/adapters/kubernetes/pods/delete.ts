/** Tells a pod to go, and only the one that is meant. */
import type { Pods } from "@shoal/shared/ports/pods.ts";
import type { KubernetesClient } from "../client.ts";
import { isConflict } from "../error.ts";
import { deleteObject, findObject, PODS, type ObjectName } from "../resources.ts";

export async function deletePod(
  client: KubernetesClient,
  at: ObjectName,
  { uid, grace }: Parameters<Pods["delete"]>[2],
): Promise<"deleting" | "gone"> {
  const graceSeconds = grace === undefined ? undefined : Math.ceil(grace / 1000);
  try {
    return await deleteObject(client, PODS, at, { uid, graceSeconds });
  } catch (thrown) {
    if (uid === undefined || !isConflict(thrown)) throw thrown;
    // A conflict is no proof: somebody may have written at the same time. Only another pod under the name is.
    const there = await findObject(client, PODS, at);
    if (there?.metadata.uid === uid) throw thrown;
    return "gone";
  }
}
