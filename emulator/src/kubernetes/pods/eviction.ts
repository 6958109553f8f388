/**
 * A delete that disruption budgets may hold back. The budget's status decides, as its controller last wrote it; what is
 * allowed here is counted there at once, so that two evictions cannot use the same allowance.
 */
import { selects } from "../../cluster/selectors.ts";
import { deleteObject } from "../deletes.ts";
import { kindNamed } from "../kinds.ts";
import { fieldsAt, isFields, numberAt, textAt, timeText, valueAt, type ApiObject } from "../object.ts";
import { isOver } from "../rules/pod.ts";
import { ApiFailure, tooManyRequests } from "../status.ts";
import { stored, updateObject, type Target } from "../writes.ts";
import { bodyObject, isDryRun, json, type Answer, type Api, type Call } from "../http/call.ts";
import { deleteOptionsOf } from "../http/objects.ts";

const RETRY_AFTER_SECONDS = 10;

export async function evictPod(api: Api, target: Target, call: Call): Promise<Answer> {
  const body = await bodyObject(call.request);
  const options = deleteOptionsOf(fieldsAt(body, "deleteOptions"), call);
  const { object: pod } = stored(api, target);
  const bound =
    pod.metadata.deletionTimestamp === undefined && !isOver(pod) && textAt(pod, "status", "phase") !== "Pending";
  if (bound) askBudgets(api, target, pod, isDryRun(call) || options.dryRun === true);
  deleteObject(api, target, options);
  return json(201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
}

function askBudgets(api: Api, target: Target, pod: ApiObject, dryRun: boolean): void {
  const budgets = api.store
    .list("poddisruptionbudgets")
    .map((one) => one.object)
    .filter((one) => one.metadata.namespace === target.namespace && selectsPod(one, pod));
  if (budgets.length > 1) {
    throw new ApiFailure(
      500,
      "InternalError",
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    );
  }
  const [budget] = budgets;
  if (budget === undefined) return;
  const allowed = numberAt(budget, "status", "disruptionsAllowed") ?? 0;
  const observed = numberAt(budget, "status", "observedGeneration") ?? 0;
  const unseen = observed < (budget.metadata.generation ?? 0);
  const healthy = numberAt(budget, "status", "currentHealthy") ?? 0;
  const desired = numberAt(budget, "status", "desiredHealthy") ?? 0;
  const { name } = budget.metadata;
  if (unseen || allowed <= 0) {
    const message = unseen
      ? `The disruption budget ${name} is still being processed by the server.`
      : `The disruption budget ${name} needs ${desired} healthy pods and has ${healthy} currently`;
    throw tooManyRequests(
      "Cannot evict pod as it would violate the pod's disruption budget.",
      unseen ? RETRY_AFTER_SECONDS : 0,
      [{ reason: "DisruptionBudget", message }],
    );
  }
  if (!dryRun) countDisruption(api, target, budget, pod.metadata.name);
}

function countDisruption(api: Api, target: Target, budget: ApiObject, pod: string): void {
  const kind = kindNamed("PodDisruptionBudget");
  const at: Target = { kind, namespace: target.namespace, name: budget.metadata.name };
  const change = (current: ApiObject): ApiObject => {
    const status = fieldsAt(current, "status");
    const allowed = numberAt(status, "disruptionsAllowed") ?? 0;
    const disruptedPods = { ...fieldsAt(status, "disruptedPods"), [pod]: timeText(api.clock.now()) };
    return { ...current, status: { ...status, disruptionsAllowed: allowed - 1, disruptedPods } };
  };
  updateObject(api, at, change, { manager: "kube-apiserver", subresource: "status" });
}

/** A budget without a selector selects nothing; an empty one everything in its namespace. */
function selectsPod(budget: ApiObject, pod: ApiObject): boolean {
  const selector = valueAt(budget, "spec", "selector");
  return selects(isFields(selector) ? selector : undefined, pod.metadata.labels ?? {});
}
