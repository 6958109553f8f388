/**
 * Lists in pages of 500, each page projected and dropped before the next is asked for, so that 10,000 pods neither block
 * the event loop for a second nor stay in memory whole. A page token that expired (410) starts the list again.
 */
import type { KubernetesClient } from "./client.ts";
import { isExpired } from "./error.ts";
import { collectionPath, type Resource } from "./resources.ts";
import type { KubernetesObject } from "./types.ts";

export interface Selection {
  /** Left out: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListOptions<T, P> extends Selection {
  /** Asks the API for metadata only: a tenth of the bytes where labels are all one needs. */
  readonly metadataOnly?: boolean;
  /** What to keep of each object; undefined drops it. */
  readonly project: (object: T) => P | undefined;
  readonly signal?: AbortSignal;
  readonly pageSize?: number;
}

export interface Listed<P> {
  readonly items: readonly P[];
  /** Where a watch continues. */
  readonly resourceVersion: string;
}

const PAGE = 500;
const RESTARTS = 3;
const METADATA_ONLY = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

interface Page<T> {
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[];
}

export async function listObjects<T extends KubernetesObject, P>(
  client: KubernetesClient,
  resource: Resource<T>,
  options: ListOptions<T, P>,
): Promise<Listed<P>> {
  for (let restarts = 0; ; restarts++) {
    try {
      return await allPages(client, resource, options);
    } catch (thrown) {
      if (!isExpired(thrown) || restarts >= RESTARTS) throw thrown;
    }
  }
}

async function allPages<T extends KubernetesObject, P>(
  client: KubernetesClient,
  resource: Resource<T>,
  options: ListOptions<T, P>,
): Promise<Listed<P>> {
  const items: P[] = [];
  let token: string | undefined;
  for (;;) {
    const page: Page<T> = await client.request<Page<T>>("GET", collectionPath(resource, options.namespace), {
      query: {
        limit: options.pageSize ?? PAGE,
        continue: token,
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
      },
      ...(options.metadataOnly === true ? { accept: METADATA_ONLY } : {}),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    for (const item of page.items ?? []) {
      const kept = options.project(withoutManagedFields(item));
      if (kept !== undefined) items.push(kept);
    }
    token = page.metadata.continue === "" ? undefined : page.metadata.continue;
    // Every page of one list carries the version of its snapshot; the last one is as good as the first.
    if (token === undefined) return { items, resourceVersion: page.metadata.resourceVersion ?? "" };
  }
}

/** Drops what is a third of an object's bytes and of no use to a reader. */
export function withoutManagedFields<T extends KubernetesObject>(object: T): T {
  delete (object.metadata as { managedFields?: unknown }).managedFields;
  return object;
}
