/**
 * What a host's silence means. Pure: from when each Lease was last seen to change, and what the Node objects say, to the
 * conditions and taints that they should have. When every host is silent it is more likely that we are cut off than that
 * all of them died: then nobody is evicted (master disruption mode).
 */
import type { KubernetesCondition, NodeObject, NodeTaint } from "@shoal/functions/adapters/kubernetes/types.ts";
import { NOT_READY, UNREACHABLE, UNSCHEDULABLE } from "./taints.ts";

export type Health = "ready" | "not-ready" | "unreachable";

/** `silentFor` is how long the Lease has not changed; undefined while there is none to judge by. */
export function healthOf(node: NodeObject, silentForMs: number | undefined, graceMs: number): Health {
  if (silentForMs !== undefined && silentForMs > graceMs) return "unreachable";
  const ready = (node.status?.conditions ?? []).find((condition) => condition.type === "Ready");
  // A kubelet that renews its Lease again is still Unknown until it has said so itself.
  if (ready?.status === "Unknown") return "unreachable";
  return ready?.status === "True" ? "ready" : "not-ready";
}

export function isDisrupted(healths: readonly Health[]): boolean {
  return healths.length > 0 && healths.every((health) => health !== "ready");
}

const OURS: ReadonlySet<string> = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE]);

/** The taints that the node should have; undefined where it has them. */
export function taintsFor(
  node: NodeObject,
  health: Health,
  disrupted: boolean,
  now: string,
): readonly NodeTaint[] | undefined {
  const known = node.spec?.taints ?? [];
  const wanted: NodeTaint[] = known.filter((taint) => !OURS.has(taint.key));
  const keep = (key: string, effect: NodeTaint["effect"], timed: boolean): void => {
    const before = known.find((taint) => taint.key === key && taint.effect === effect);
    wanted.push(before ?? { key, effect, ...(timed ? { timeAdded: now } : {}) });
  };
  if (node.spec?.unschedulable === true) keep(UNSCHEDULABLE, "NoSchedule", true);
  if (health !== "ready") {
    const key = health === "unreachable" ? UNREACHABLE : NOT_READY;
    keep(key, "NoSchedule", true);
    if (!disrupted) keep(key, "NoExecute", true);
  }
  const same = wanted.length === known.length && wanted.every((taint) => known.includes(taint));
  return same ? undefined : wanted;
}

/** Conditions of a host that fell silent: everything it said about itself is Unknown now. */
export function silentConditions(node: NodeObject, now: string): readonly KubernetesCondition[] {
  return (node.status?.conditions ?? []).map((condition) =>
    condition.status === "Unknown"
      ? condition
      : {
          ...condition,
          status: "Unknown",
          reason: "NodeStatusUnknown",
          message: "Kubelet stopped posting node status.",
          lastTransitionTime: now,
        },
  );
}
