/**
 * Local copies of the kinds that controllers read, one watch per kind however many listen. A listener that comes late hears
 * what is there first.
 */
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import type { Selection } from "@shoal/functions/adapters/kubernetes/list.ts";
import { startReflector, type ReflectorHandler } from "@shoal/functions/adapters/kubernetes/reflector.ts";
import {
  CONFIG_MAPS,
  DISRUPTION_BUDGETS,
  LEASES,
  NODES,
  PODS,
  SECRETS,
  type Resource,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import type {
  ConfigMapObject,
  DisruptionBudgetObject,
  KubernetesObject,
  LeaseObject,
  NodeObject,
  PodObject,
  SecretObject,
} from "@shoal/functions/adapters/kubernetes/types.ts";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";

export interface View<T> {
  readonly store: ReadonlyMap<string, T>;
  readonly synced: Promise<void>;
  /** Returns the way to stop listening. */
  listen(handler: ReflectorHandler<T>): () => void;
  stop(): Promise<void>;
}

export interface Views {
  readonly pods: View<PodObject>;
  readonly nodes: View<NodeObject>;
  readonly leases: View<LeaseObject>;
  readonly budgets: View<DisruptionBudgetObject>;
  readonly configMaps: View<ConfigMapObject>;
  readonly secrets: View<SecretObject>;
}

export const NODE_LEASES = "kube-node-lease";

/** Copies of everything the controllers read; `kubeletsOnly` leaves out what only the others need. */
export function startViews(client: KubernetesClient, log: Log): Views {
  return {
    pods: startView(client, PODS, log),
    nodes: startView(client, NODES, log),
    leases: startView(client, LEASES, log, { namespace: NODE_LEASES }),
    budgets: startView(client, DISRUPTION_BUDGETS, log),
    configMaps: startView(client, CONFIG_MAPS, log),
    secrets: startView(client, SECRETS, log),
  };
}

export function allViews(views: Views): readonly View<KubernetesObject>[] {
  return Object.values(views) as readonly View<KubernetesObject>[];
}

export function startView<T extends KubernetesObject>(
  client: KubernetesClient,
  resource: Resource<T>,
  log: Log,
  selection: Selection = {},
): View<T> {
  const handlers = new Set<ReflectorHandler<T>>();
  const each = (call: (handler: ReflectorHandler<T>) => void): void => {
    for (const handler of handlers) {
      try {
        call(handler);
      } catch (thrown) {
        log.error({ kind: resource.kind, error: messageOf(thrown) }, "a listener failed");
      }
    }
  };
  const reflector = startReflector({
    client,
    resource,
    log,
    ...selection,
    handler: {
      changed: (object, before) => each((handler) => handler.changed(object, before)),
      deleted: (object) => each((handler) => handler.deleted(object)),
    },
  });
  return {
    store: reflector.store,
    synced: reflector.synced,
    stop: async () => reflector.stop(),
    listen: (handler) => {
      handlers.add(handler);
      for (const object of reflector.store.values()) handler.changed(object, undefined);
      return () => handlers.delete(handler);
    },
  };
}
