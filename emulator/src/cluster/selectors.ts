/** Label selectors and requirements as Kubernetes evaluates them. Pure. */
import type { LabelSelector, LabelSelectorRequirement } from "@shoal/functions/adapters/kubernetes/types.ts";

export type Labels = Readonly<Record<string, string>>;

/** An unknown operator matches nothing, as an invalid selector does. */
export function meets(labels: Labels, requirement: LabelSelectorRequirement): boolean {
  const { key, operator, values = [] } = requirement;
  const value = labels[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "Lt":
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

/** A missing selector selects nothing, an empty one everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
    (selector.matchExpressions ?? []).every((requirement) => meets(labels, requirement))
  );
}
