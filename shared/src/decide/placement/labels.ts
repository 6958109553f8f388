/** Matching labels, taints and requirements, as Kubernetes defines it. */
import type { PodToleration, Requirement } from "../pod-spec.ts";
import type { HostTaint } from "../../ports/pods.ts";

export type Labels = Readonly<Record<string, string>>;

const INTEGER = /^-?[0-9]+$/;

/** `label` is the host's value under the requirement's key. */
export function meets(label: string | undefined, { operator, values = [] }: Requirement): boolean {
  switch (operator) {
    case "In":
      return label !== undefined && values.includes(label);
    case "NotIn":
      return label === undefined || !values.includes(label);
    case "Exists":
      return label !== undefined;
    case "DoesNotExist":
      return label === undefined;
    case "Gt":
    case "Lt": {
      const bound = values[0];
      if (label === undefined || bound === undefined || !INTEGER.test(label) || !INTEGER.test(bound)) return false;
      return operator === "Gt" ? Number(label) > Number(bound) : Number(label) < Number(bound);
    }
  }
}

/** An absent key with `Exists` tolerates everything; an absent effect tolerates every effect. */
function tolerates(taint: HostTaint, toleration: PodToleration): boolean {
  if (toleration.effect !== undefined && toleration.effect !== taint.effect) return false;
  if (toleration.operator === "Exists") return toleration.key === undefined || toleration.key === taint.key;
  return toleration.key === taint.key && (toleration.value ?? "") === taint.value;
}

export function tolerated(taint: HostTaint, tolerations: readonly PodToleration[]): boolean {
  return tolerations.some((toleration) => tolerates(taint, toleration));
}

export function matchesAll(labels: Labels, wanted: Labels): boolean {
  for (const key in wanted) if (labels[key] !== wanted[key]) return false;
  return true;
}
