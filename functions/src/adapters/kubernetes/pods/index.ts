/**
 * The port to pods, on a Kubernetes API. Each write is idempotent by name: what is there with the same labels is adopted, what
 * is gone is gone. Errors are the client's own (`KubernetesError`, a `ShoalError`), so what they prove is kept.
 */
import { budgetName, MANAGED_BY, POD_LABEL } from "@shoal/shared/decide/pod-spec.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { LogOptions, Pods } from "@shoal/shared/ports/pods.ts";
import type { KubernetesClient } from "../client.ts";
import { isConflict } from "../error.ts";
import { followPodLog, podLogText } from "../logs.ts";
import { deleteObject, DISRUPTION_BUDGETS, findObject, NODES, PODS } from "../resources.ts";
import { createBudget, createPod } from "./create.ts";
import { createNamespaces, type PodSecrets } from "./namespace.ts";
import { observe } from "./observe.ts";
import { observedHost, observedPod } from "./observed.ts";

export interface PodsInit {
  readonly client: KubernetesClient;
  readonly clock: Pick<Clock, "monotonic">;
  readonly secrets: PodSecrets;
}

const OURS = { labelSelector: `${POD_LABEL.managedBy}=${MANAGED_BY}` };

export function createPods({ client, clock, secrets }: PodsInit): Pods {
  const namespaces = createNamespaces(client, clock, secrets);
  return {
    observePods: (options) => observe(client, PODS, OURS, observedPod, options),
    observeHosts: (options) => observe(client, NODES, {}, observedHost, options),
    get: async (namespace, name) => {
      const pod = await findObject(client, PODS, { namespace, name });
      return pod === undefined ? undefined : observedPod(pod);
    },
    sentinelUid: (namespace) => namespaces.sentinelUid(namespace),
    create: async (manifest, { withBudget }) => {
      if (withBudget) await createBudget(client, manifest.processorId, manifest.namespace);
      return createPod(client, manifest);
    },
    delete: async (namespace, name, { uid, grace }) => {
      try {
        return await deleteObject(
          client,
          PODS,
          { namespace, name },
          { uid, ...(grace === undefined ? {} : { graceSeconds: Math.ceil(grace / 1000) }) },
        );
      } catch (thrown) {
        if (uid === undefined || !isConflict(thrown)) throw thrown;
        // A refusal proves nothing by itself: the one that was meant is gone where the name is free, or another pod's.
        const there = await findObject(client, PODS, { namespace, name });
        if (there?.metadata.uid === uid) throw thrown;
        return "gone";
      }
    },
    forget: async (namespace, processorId) => {
      await deleteObject(client, DISRUPTION_BUDGETS, { namespace, name: budgetName(processorId) });
    },
    logs: createPodLogs(client),
  };
}

/** Logs alone, for whoever may read them and nothing else. */
export function createPodLogs(client: KubernetesClient): Pods["logs"] {
  return async (namespace, name, options) => {
    const wanted = {
      ...(options.tailLines === undefined ? {} : { tailLines: options.tailLines }),
      ...(options.previous === undefined ? {} : { previous: options.previous }),
    };
    if (!options.follow) {
      const text = await podLogText(client, { namespace, name }, wanted);
      return linesIn(text);
    }
    const controller = new AbortController();
    aborting(options, controller);
    return followPodLog(client, { namespace, name }, { ...wanted, signal: controller.signal });
  };
}

async function* linesIn(text: string): AsyncGenerator<string> {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  yield* lines;
}

/** The port's signal has no ambient type; the client wants the platform's. */
function aborting({ signal }: LogOptions, controller: AbortController): void {
  if (signal?.aborted === true) controller.abort();
  else signal?.addEventListener("abort", () => controller.abort(), { once: true });
}
