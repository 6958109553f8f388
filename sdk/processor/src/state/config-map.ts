/**
 * State in a ConfigMap `dory-state-{id}` of the pod's namespace, key `state`, as Dory keeps it. Every write names the
 * resourceVersion that was read, so the server refuses it where somebody else wrote in between: no last writer wins.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { KubernetesAccess } from "../config/config.ts";
import type { StateBackend } from "./backend.ts";
import { kubernetesCall, type KubernetesCall } from "./kubernetes-call.ts";

/** An object may have 1 MiB in all; what is left is for its metadata and the restart counters. */
export const CONFIG_MAP_MAX_BYTES = 1_000_000;
const TTL_SECONDS = 3600;

interface ConfigMap {
  readonly metadata: { readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

export interface ConfigMapOwner {
  readonly processorId: string;
  readonly namespace: string;
}

export function configMapBackend(
  access: KubernetesAccess,
  owner: ConfigMapOwner,
  nowIso: () => string,
  call: KubernetesCall = kubernetesCall(access),
): StateBackend {
  const collection = `/api/v1/namespaces/${owner.namespace}/configmaps`;
  const name = `dory-state-${owner.processorId}`;
  const path = `${collection}/${name}`;
  const create = (data: Readonly<Record<string, string>>): object => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name,
      namespace: owner.namespace,
      labels: { "dory.io/state-owner": owner.processorId },
      annotations: { "dory.io/state-ttl": String(TTL_SECONDS), "dory.io/created-timestamp": nowIso() },
    },
    data,
  });
  const get = async (): Promise<ConfigMap | undefined> => {
    const answer = await call("GET", path);
    return answer.status === 404 ? undefined : (expectOk(answer, "GET", path) as ConfigMap);
  };
  return {
    maxBytes: CONFIG_MAP_MAX_BYTES,
    read: async (key) => {
      const found = await get();
      const text = found?.data?.[key];
      return found === undefined || text === undefined ? undefined : { text, revision: found.metadata.resourceVersion };
    },
    write: async (key, text, expected) => {
      // The object may exist without this key: the other document's.
      const revision = expected ?? revisionWithout(await get(), key);
      if (revision === "changed") return "changed";
      const answer =
        revision === undefined
          ? await call("POST", collection, create({ [key]: text }))
          : await call("PATCH", path, { metadata: { resourceVersion: revision }, data: { [key]: text } });
      if (answer.status === 409 || answer.status === 404) return "changed";
      return { revision: (expectOk(answer, "write", path) as ConfigMap).metadata.resourceVersion };
    },
    remove: async (key) => {
      const answer = await call("PATCH", path, { data: { [key]: null } });
      if (answer.status !== 404) expectOk(answer, "PATCH", path);
    },
  };
}

function revisionWithout(found: ConfigMap | undefined, key: string): string | undefined {
  if (found === undefined) return undefined;
  return found.data?.[key] === undefined ? found.metadata.resourceVersion : "changed";
}

function expectOk(answer: { status: number; body: unknown }, verb: string, path: string): unknown {
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  const told =
    typeof answer.body === "object" && answer.body !== null && "message" in answer.body
      ? String(answer.body.message)
      : "no reason given";
  const text = `the Kubernetes API answered ${answer.status} to ${verb} ${path}: ${told}`;
  if (answer.status === 401 || answer.status === 403) {
    throw new ShoalError("permission_denied", `${text}; the service account needs get, create and patch of configmaps`);
  }
  throw new ShoalError(answer.status === 413 || answer.status === 422 ? "payload_too_large" : "unavailable", text);
}
