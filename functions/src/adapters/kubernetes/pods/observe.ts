/** What changed since a version, by a short watch; everything, by a paged list, where there is no version or it is too old. */
import type { Observation, ObserveOptions } from "@shoal/shared/ports/pods.ts";
import type { KubernetesClient } from "../client.ts";
import { listObjects, type Selection } from "../list.ts";
import { keyOf, type Resource } from "../resources.ts";
import type { KubernetesObject } from "../types.ts";
import { watchUntilQuiet } from "../watch.ts";

export async function observe<T extends KubernetesObject, Seen>(
  client: KubernetesClient,
  resource: Resource<T>,
  selection: Selection,
  project: (object: T) => Seen,
  { since, quiet, atMost }: ObserveOptions,
): Promise<Observation<Seen>> {
  if (since === undefined || since === "") return everything(client, resource, selection, project);
  const watched = await watchUntilQuiet(client, resource, { ...selection, resourceVersion: since, quiet, atMost });
  if (watched.state === "expired") return everything(client, resource, selection, project);
  // The last word about each object counts.
  const last = new Map(watched.events.map((event) => [keyOf(event.object), event]));
  const changed: Seen[] = [];
  const gone: string[] = [];
  for (const [key, { type, object }] of last) {
    if (type === "DELETED") gone.push(key);
    else changed.push(project(object));
  }
  return { complete: false, changed, gone, resourceVersion: watched.resourceVersion };
}

async function everything<T extends KubernetesObject, Seen>(
  client: KubernetesClient,
  resource: Resource<T>,
  selection: Selection,
  project: (object: T) => Seen,
): Promise<Observation<Seen>> {
  const { items, resourceVersion } = await listObjects(client, resource, { ...selection, project });
  return { complete: true, changed: items, gone: [], resourceVersion };
}
