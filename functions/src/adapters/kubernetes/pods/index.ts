/**
 * The port to pods, on a Kubernetes API. Each write is idempotent by name: what is there with the same labels is adopted, what
 * is gone is gone. Errors are the port's (`border.ts`), with the client's own as their cause.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import { budgetName, MANAGED_BY, POD_LABEL } from "@shoal/shared/decide/pod-spec.ts";
import type { ObservedPod, Pods } from "@shoal/shared/ports/pods.ts";
import { KubernetesError } from "../error.ts";
import { deleteObject, DISRUPTION_BUDGETS, findObject, NODES, PODS } from "../resources.ts";
import { atBorder } from "./border.ts";
import { createBudget, createPod } from "./create.ts";
import { deletePod } from "./delete.ts";
import { createPodLogs } from "./logs.ts";
import { createNamespaces, type NamespacesInit } from "./namespace.ts";
import { observe } from "./observe.ts";
import { observedHost, observedPod } from "./observed.ts";

export { createPodLogs };

const OURS = { labelSelector: `${POD_LABEL.managedBy}=${MANAGED_BY}` };

export function createPods(init: NamespacesInit): Pods {
  const { client, log } = init;
  const namespaces = createNamespaces(init);

  /** A container that cannot be configured misses the secret: it starts by itself once the secret is right. */
  const mendFor = async (pods: readonly ObservedPod[]): Promise<void> => {
    const stuck = pods.filter(({ reason }) => reason === "CreateContainerConfigError");
    for (const namespace of new Set(stuck.map((pod) => pod.namespace))) {
      await namespaces.mend(namespace).catch((thrown: unknown) => {
        log.warn({ namespace, err: thrown }, `what pods wait for could not be mended: ${messageOf(thrown)}`);
      });
    }
  };

  return {
    observePods: async (options) =>
      atBorder(async () => {
        const seen = await observe(client, PODS, OURS, observedPod, options);
        await mendFor(seen.changed);
        return seen;
      }),
    observeHosts: async (options) => atBorder(async () => observe(client, NODES, {}, observedHost, options)),
    get: async (namespace, name) =>
      atBorder(async () => {
        const pod = await findObject(client, PODS, { namespace, name });
        return pod === undefined ? undefined : observedPod(pod);
      }),
    sentinelUid: async (namespace) => atBorder(async () => namespaces.sentinelUid(namespace)),
    create: async (manifest) =>
      atBorder(async () => {
        try {
          await createBudget(client, manifest.processorId, manifest.namespace);
          return await createPod(client, manifest);
        } catch (thrown) {
          // No namespace is a 404, no service account a 403.
          if (thrown instanceof KubernetesError && [403, 404].includes(thrown.status))
            namespaces.doubt(manifest.namespace);
          throw thrown;
        }
      }),
    delete: async (namespace, name, options) => atBorder(async () => deletePod(client, { namespace, name }, options)),
    forget: async (namespace, processorId) =>
      atBorder(async () => {
        await deleteObject(client, DISRUPTION_BUDGETS, { namespace, name: budgetName(processorId) });
      }),
    logs: createPodLogs(client),
  };
}
