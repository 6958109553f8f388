/**
 * Keeps the status of disruption budgets true: how many of the pods they select are healthy, and how many may be evicted.
 * The API decides evictions by this status, so a budget that cannot be evaluated allows none (fail safe, as Kubernetes does
 * for percentages and `maxUnavailable` over pods whose controller has no scale).
 */
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { isNotFound } from "@shoal/functions/adapters/kubernetes/error.ts";
import { DISRUPTION_BUDGETS, keyOf, replaceObject } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { DisruptionBudgetObject, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { fromIso, minutes } from "@shoal/shared/base/time.ts";
import type { Controller } from "./scheduler/scheduler.ts";
import { selects } from "./selectors.ts";
import type { Views } from "./views.ts";
import { workQueue } from "./work-queue.ts";

type BudgetStatus = NonNullable<DisruptionBudgetObject["status"]>;

/** An eviction that the API allowed counts as done for this long even if the pod does not go. */
const EVICTION_HELD = minutes(2);

/** The status that the budget should have. Pure. */
export function budgetStatus(
  budget: DisruptionBudgetObject,
  selected: readonly PodObject[],
  now: number,
): BudgetStatus {
  const live = selected.filter((pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed");
  const held = Object.entries(budget.status?.disruptedPods ?? {}).filter(([name, since]) => {
    const pod = live.find((one) => one.metadata.name === name);
    const young = now - (fromIso(since) ?? 0) < EVICTION_HELD;
    return pod !== undefined && pod.metadata.deletionTimestamp === undefined && young;
  });
  const disrupted = new Set(held.map(([name]) => name));
  const healthy = live.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && !disrupted.has(pod.metadata.name) && isReady(pod),
  ).length;
  const { minAvailable } = budget.spec ?? {};
  const failure = typeof minAvailable === "number" ? undefined : unscalable(live);
  const desired = typeof minAvailable === "number" ? minAvailable : 0;
  const allowed = failure === undefined && live.length > 0 ? Math.max(0, healthy - desired) : 0;
  return {
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: live.length,
    ...(budget.metadata.generation === undefined ? {} : { observedGeneration: budget.metadata.generation }),
    ...(held.length === 0 ? {} : { disruptedPods: Object.fromEntries(held) }),
    conditions: [condition(budget, allowed, failure, now)],
  };
}

function unscalable(pods: readonly PodObject[]): string | undefined {
  const owner = pods.flatMap((pod) => pod.metadata.ownerReferences ?? []).find((one) => one.controller === true);
  return owner === undefined
    ? "found no controller ref for the pods"
    : `${owner.kind} does not implement the scale subresource`;
}

function condition(
  budget: DisruptionBudgetObject,
  allowed: number,
  failure: string | undefined,
  now: number,
): NonNullable<BudgetStatus["conditions"]>[number] {
  const status = allowed > 0 ? "True" : "False";
  const reason = failure !== undefined ? "SyncFailed" : allowed > 0 ? "SufficientPods" : "InsufficientPods";
  const before = budget.status?.conditions?.find((one) => one.type === "DisruptionAllowed");
  return {
    type: "DisruptionAllowed",
    status,
    reason,
    message: failure ?? "",
    lastTransitionTime:
      before?.status === status && before.lastTransitionTime !== undefined
        ? before.lastTransitionTime
        : new Date(now).toISOString().replace(/\.\d+Z$/, "Z"),
  };
}

function isReady(pod: PodObject): boolean {
  return (pod.status?.conditions ?? []).some((one) => one.type === "Ready" && one.status === "True");
}

export function startDisruption(init: {
  readonly client: KubernetesClient;
  readonly views: Views;
  readonly log: Log;
}): Controller {
  const { client, views } = init;
  const queue = workQueue({
    name: "disruption",
    log: init.log,
    random: client.random,
    handle: async (key) => {
      const budget = views.budgets.store.get(key);
      if (budget === undefined) return;
      const selected = [...views.pods.store.values()].filter((pod) => isSelected(budget, pod));
      const status = budgetStatus(budget, selected, client.clock.now());
      if (status.disruptedPods !== undefined) queue.addAfter(key, EVICTION_HELD);
      if (JSON.stringify(sorted(status)) === JSON.stringify(sorted(budget.status ?? {}))) return;
      try {
        // PUT with the version that was read: an eviction that the API counted meanwhile makes this a conflict, never undone.
        await replaceObject(client, DISRUPTION_BUDGETS, { ...budget, status }, { subresource: "status" });
      } catch (thrown) {
        if (!isNotFound(thrown)) throw thrown;
      }
    },
  });
  const touch = (pod: PodObject): void => {
    for (const budget of views.budgets.store.values()) if (isSelected(budget, pod)) queue.add(keyOf(budget));
  };
  const leave = [
    views.budgets.listen({ changed: (budget) => queue.add(keyOf(budget)), deleted: () => undefined }),
    views.pods.listen({
      changed: (pod, before) => {
        touch(pod);
        if (before !== undefined && before.metadata.labels !== pod.metadata.labels) touch(before);
      },
      deleted: touch,
    }),
  ];
  return {
    stop: async () => {
      for (const stop of leave) stop();
      await queue.stop();
    },
  };
}

function isSelected(budget: DisruptionBudgetObject, pod: PodObject): boolean {
  return (
    budget.metadata.namespace === pod.metadata.namespace && selects(budget.spec?.selector, pod.metadata.labels ?? {})
  );
}

function sorted(value: object): unknown {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
