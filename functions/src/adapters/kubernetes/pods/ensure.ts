/** One object by its name, made where it is missing. */
import type { KubernetesClient } from "../client.ts";
import { KubernetesError } from "../error.ts";
import { createObject, findObject, type Resource } from "../resources.ts";
import type { KubernetesObject } from "../types.ts";

/** The object as it is, whoever made it. */
export async function ensureObject<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: Resource<T>,
  object: T,
): Promise<T> {
  const there = await findObject(client, resource, object.metadata);
  if (there !== undefined) return there;
  try {
    return await createObject(client, resource, object);
  } catch (thrown) {
    // Another instance was quicker, or our own create arrived though its answer did not.
    const other = maybeDone(thrown) ? await findObject(client, resource, object.metadata) : undefined;
    if (other === undefined) throw thrown;
    return other;
  }
}

function maybeDone(thrown: unknown): boolean {
  return thrown instanceof KubernetesError && (thrown.code === "already_exists" || thrown.status === 0);
}
