/**
 * The kinds that Shoal uses, as data, and the verbs on one object. A resource knows its path and plural; nothing is
 * discovered at run time. Verbs are thin: they build a path and say what the answer is.
 */
import { PATCH, type KubernetesClient, type RequestOptions } from "./client.ts";
import { isNotFound } from "./error.ts";
import type {
  ConfigMapObject,
  DisruptionBudgetObject,
  EventObject,
  KubernetesObject,
  LeaseObject,
  NamespaceObject,
  NodeObject,
  PodObject,
  SecretObject,
} from "./types.ts";

export interface Resource<T extends KubernetesObject> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Ties the type to the value; never set. */
  readonly sample?: T;
}

const core = <T extends KubernetesObject>(kind: string, plural: string, namespaced = true): Resource<T> => ({
  apiVersion: "v1",
  kind,
  plural,
  namespaced,
});

export const PODS = core<PodObject>("Pod", "pods");
export const NODES = core<NodeObject>("Node", "nodes", false);
export const CONFIG_MAPS = core<ConfigMapObject>("ConfigMap", "configmaps");
export const SECRETS = core<SecretObject>("Secret", "secrets");
export const SERVICE_ACCOUNTS = core<KubernetesObject>("ServiceAccount", "serviceaccounts");
export const EVENTS = core<EventObject>("Event", "events");
export const NAMESPACES = core<NamespaceObject>("Namespace", "namespaces", false);
export const DISRUPTION_BUDGETS: Resource<DisruptionBudgetObject> = {
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  namespaced: true,
};
export const LEASES: Resource<LeaseObject> = {
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  plural: "leases",
  namespaced: true,
};

/** Path of a collection; without a namespace that of all namespaces. */
export function collectionPath(resource: Resource<KubernetesObject>, namespace?: string): string {
  const root = resource.apiVersion.includes("/") ? `/apis/${resource.apiVersion}` : `/api/${resource.apiVersion}`;
  const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${scope}/${resource.plural}`;
}

/** Which object: cluster-scoped kinds leave the namespace out. */
export interface ObjectName {
  readonly namespace?: string | undefined;
  readonly name: string;
}

export function objectPath(resource: Resource<KubernetesObject>, at: ObjectName, subresource?: string): string {
  const path = `${collectionPath(resource, at.namespace)}/${encodeURIComponent(at.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** Key of an object in maps and logs: `namespace/name`, or `name`. */
export function keyOf(object: KubernetesObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export async function getObject<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: Resource<T>,
  at: ObjectName,
  options?: RequestOptions,
): Promise<T> {
  return client.request<T>("GET", objectPath(resource, at), options);
}

/** `undefined` only where the API said 404. */
export async function findObject<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: Resource<T>,
  at: ObjectName,
  options?: RequestOptions,
): Promise<T | undefined> {
  try {
    return await getObject(client, resource, at, options);
  } catch (thrown) {
    if (isNotFound(thrown)) return undefined;
    throw thrown;
  }
}

export async function createObject<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: Resource<T>,
  object: T,
  options?: RequestOptions,
): Promise<T> {
  const body = { apiVersion: resource.apiVersion, kind: resource.kind, ...object };
  return client.request<T>("POST", collectionPath(resource, object.metadata.namespace), { ...options, body });
}

/** PUT: refused with a conflict unless the object carries the current resourceVersion. */
export async function replaceObject<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: Resource<T>,
  object: T,
  options?: RequestOptions & { readonly subresource?: string },
): Promise<T> {
  const { namespace, name } = object.metadata;
  const body = { apiVersion: resource.apiVersion, kind: resource.kind, ...object };
  return client.request<T>("PUT", objectPath(resource, { namespace, name }, options?.subresource), {
    ...options,
    body,
  });
}

export type PatchKind = keyof typeof PATCH;

export async function patchObject<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: Resource<T>,
  at: ObjectName,
  kind: PatchKind,
  body: unknown,
  options?: RequestOptions & { readonly subresource?: string },
): Promise<T> {
  return client.request<T>("PATCH", objectPath(resource, at, options?.subresource), {
    ...options,
    body,
    contentType: PATCH[kind],
  });
}

export interface DeleteOptions {
  /** 0 removes at once, which only a kubelet that saw the processes end may say. */
  readonly graceSeconds?: number | undefined;
  /** The delete is refused with a conflict where the name now belongs to another object. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagation?: "Background" | "Foreground" | "Orphan";
}

/** `deleting`: told to go, still there; `gone`: the API says that it does not exist. */
export async function deleteObject(
  client: KubernetesClient,
  resource: Resource<KubernetesObject>,
  at: ObjectName,
  options: DeleteOptions = {},
): Promise<"deleting" | "gone"> {
  const preconditions = {
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.resourceVersion === undefined ? {} : { resourceVersion: options.resourceVersion }),
  };
  try {
    const answer = await client.request<KubernetesObject | undefined>("DELETE", objectPath(resource, at), {
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        ...(options.graceSeconds === undefined ? {} : { gracePeriodSeconds: options.graceSeconds }),
        ...(options.propagation === undefined ? {} : { propagationPolicy: options.propagation }),
        ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
      },
    });
    // The answer is the object while it stays, and a Status (or the last state of the object) once it has gone.
    const held = answer?.kind !== "Status" && answer?.metadata?.deletionTimestamp !== undefined;
    return held && options.graceSeconds !== 0 ? "deleting" : "gone";
  } catch (thrown) {
    if (isNotFound(thrown)) return "gone";
    throw thrown;
  }
}
