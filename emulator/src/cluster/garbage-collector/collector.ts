/**
 * Deletes what names an owner that does not exist, in the background mode of Kubernetes. The watch only raises a suspicion;
 * before anything is deleted each owner is looked up live by name and uid, so that a late watch never costs an object.
 */
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { isConflict } from "@shoal/functions/adapters/kubernetes/error.ts";
import {
  CONFIG_MAPS,
  deleteObject,
  DISRUPTION_BUDGETS,
  findObject,
  LEASES,
  NAMESPACES,
  NODES,
  patchObject,
  PODS,
  SECRETS,
  type Resource,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { KubernetesObject, OwnerReference } from "@shoal/functions/adapters/kubernetes/types.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Controller } from "../scheduler/scheduler.ts";
import type { View, Views } from "../views.ts";
import { workQueue } from "../work-queue.ts";
import { graphNode, ownerGraph, verdict } from "./graph.ts";

/** Kinds that may own and be owned; an owner of any other kind is left alone. */
const KINDS: ReadonlyMap<string, Resource<KubernetesObject>> = new Map(
  [PODS, NODES, CONFIG_MAPS, SECRETS, LEASES, DISRUPTION_BUDGETS, NAMESPACES].map((resource) => [
    resource.kind,
    resource as Resource<KubernetesObject>,
  ]),
);

export function startGarbageCollector(init: {
  readonly client: KubernetesClient;
  readonly views: Views;
  readonly log: Log;
}): Controller {
  const { client, views, log } = init;
  const graph = ownerGraph();
  let synced = false;

  const collect = async (key: string): Promise<void> => {
    const node = graph.get(key);
    if (node === undefined || node.owners.length === 0) return;
    const [kind = "", namespace = "", name = ""] = key.split("/");
    const resource = KINDS.get(kind);
    if (resource === undefined) return;
    const at = { namespace: namespace === "" ? undefined : namespace, name };
    const object = await findObject(client, resource, at);
    if (object === undefined || object.metadata.uid !== node.uid) return;
    if (object.metadata.deletionTimestamp !== undefined) return;
    const owners = object.metadata.ownerReferences ?? [];
    const live = await Promise.all(
      owners.map(async (owner) => ({ owner, live: await look(client, owner, at.namespace) })),
    );
    const decided = verdict(live);
    if (decided.then === "keep") return;
    try {
      if (decided.then === "delete") {
        log.info({ key, owners: owners.map((owner) => owner.uid) }, "its owner is gone");
        await deleteObject(client, resource, at, { uid: node.uid, propagation: "Background" });
        return;
      }
      const gone = new Set(decided.owners.map((owner) => owner.uid));
      await patchObject(client, resource, at, "merge", {
        metadata: {
          uid: node.uid,
          resourceVersion: object.metadata.resourceVersion,
          ownerReferences: owners.filter((owner) => !gone.has(owner.uid)),
        },
      });
    } catch (thrown) {
      // Somebody else changed it in between: the watch will name it again if it is still a suspect.
      if (!isConflict(thrown)) throw thrown;
    }
  };
  const queue = workQueue({ name: "garbage-collector", handle: collect, log, random: client.random });
  const leave = Object.entries(watched(views)).map(([kind, view]) =>
    view.listen({
      changed: (object) => {
        const node = graphNode(kind, object);
        if (graph.put(node) && synced) queue.add(node.key);
      },
      deleted: (object) => {
        for (const key of graph.remove(graphNode(kind, object).key)) if (synced) queue.add(key);
      },
    }),
  );
  // Before every kind is listed, an owner that was not seen yet would look absent.
  void Promise.all(Object.values(watched(views)).map(async (view) => view.synced)).then(() => {
    synced = true;
    for (const key of graph.suspects()) queue.add(key);
  });
  return {
    stop: async () => {
      for (const stop of leave) stop();
      await queue.stop();
    },
  };
}

function watched(views: Views): Readonly<Record<string, View<KubernetesObject>>> {
  const { pods, nodes, configMaps, secrets, leases, budgets } = views;
  return {
    Pod: pods,
    Node: nodes,
    ConfigMap: configMaps,
    Secret: secrets,
    Lease: leases,
    PodDisruptionBudget: budgets,
  };
}

async function look(
  client: KubernetesClient,
  owner: OwnerReference,
  namespace: string | undefined,
): Promise<"present" | "absent" | "unknown"> {
  const resource = KINDS.get(owner.kind);
  if (resource === undefined || resource.apiVersion !== owner.apiVersion) return "unknown";
  const found = await findObject(client, resource, {
    namespace: resource.namespaced ? namespace : undefined,
    name: owner.name,
  });
  return found?.metadata.uid === owner.uid ? "present" : "absent";
}
