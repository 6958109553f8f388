/** Taints and tolerations. Pure. */
import type { NodeTaint, Toleration } from "@shoal/functions/adapters/kubernetes/types.ts";

export const UNREACHABLE = "node.kubernetes.io/unreachable";
export const NOT_READY = "node.kubernetes.io/not-ready";
export const UNSCHEDULABLE = "node.kubernetes.io/unschedulable";

/** An empty key with Exists tolerates everything; an empty effect every effect. */
export function tolerates(toleration: Toleration, taint: NodeTaint): boolean {
  if (toleration.effect !== undefined && toleration.effect !== taint.effect) return false;
  const key = toleration.key ?? "";
  if (key !== "" && key !== taint.key) return false;
  if ((toleration.operator ?? "Equal") === "Exists") return true;
  return key !== "" && (toleration.value ?? "") === (taint.value ?? "");
}

export function isTolerated(tolerations: readonly Toleration[], taint: NodeTaint): boolean {
  return tolerations.some((toleration) => tolerates(toleration, taint));
}

/**
 * Seconds that a pod may stay under the host's NoExecute taints: 0 at once, Infinity for ever. Of several tolerations the
 * shortest counts. A pod that says nothing about a dead host gets what admission would have given it.
 */
export function secondsTolerated(
  tolerations: readonly Toleration[],
  taints: readonly NodeTaint[],
  defaultSeconds: number,
): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    if (taint.effect !== "NoExecute") continue;
    const matching = tolerations.filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) {
      shortest = Math.min(shortest, taint.key === UNREACHABLE || taint.key === NOT_READY ? defaultSeconds : 0);
    }
    for (const { tolerationSeconds } of matching) {
      if (tolerationSeconds !== undefined) shortest = Math.min(shortest, Math.max(0, tolerationSeconds));
    }
  }
  return shortest;
}
