/** A host: a machine that runs pods. What matters to us is whether it is healthy, and whether it is being emptied. */

export interface Taint {
  readonly key: string;
  readonly effect: string;
}

/** Taints by which cordon, Karpenter, the cluster autoscaler, GKE and AWS say that a host is about to go. */
export const DRAIN_TAINTS: readonly string[] = [
  "node.kubernetes.io/unschedulable",
  "karpenter.sh/disrupted",
  "ToBeDeletedByClusterAutoscaler",
  "cloud.google.com/impending-node-termination",
  "aws-node-termination-handler/spot-itn",
  "aws-node-termination-handler/scheduled-maintenance",
];

/** Whether pods have to leave the host while it still runs. */
export function isDraining(host: { readonly cordoned: boolean; readonly taints: readonly Taint[] }): boolean {
  return host.cordoned || host.taints.some((taint) => DRAIN_TAINTS.includes(taint.key));
}
