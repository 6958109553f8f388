/** What the API asks of a disruption budget. */
import { listAt, valueAt } from "../object.ts";
import { PLAIN_RULES, wrong, type KindRules } from "./rules.ts";

/** A PodDisruptionBudget: its status begins with nothing allowed, so that nobody is evicted before anyone has counted. */
export const BUDGET_RULES: KindRules = {
  ...PLAIN_RULES,
  generationOf: (object) => object["spec"],
  created: (object) => {
    object["status"] = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  },
  faults: (object) => {
    const minimum = valueAt(object, "spec", "minAvailable");
    const maximum = valueAt(object, "spec", "maxUnavailable");
    const both =
      minimum !== undefined && maximum !== undefined
        ? [wrong("spec", object["spec"], "minAvailable and maxUnavailable cannot be both set")]
        : [];
    const numbers = [
      ["spec.minAvailable", minimum],
      ["spec.maxUnavailable", maximum],
    ] as const;
    return [
      ...both,
      ...numbers.flatMap(([field, value]) => amountFaults(field, value)),
      ...listAt(object, "spec", "selector", "matchExpressions").flatMap((one, i) =>
        ["In", "NotIn", "Exists", "DoesNotExist"].includes(String(valueAt(one, "operator")))
          ? []
          : [
              wrong(
                `spec.selector.matchExpressions[${i}].operator`,
                valueAt(one, "operator"),
                "not a valid selector operator",
              ),
            ],
      ),
    ];
  },
};

function amountFaults(field: string, value: unknown): ReturnType<typeof wrong>[] {
  if (typeof value === "number" && value < 0) return [wrong(field, value, "must be greater than or equal to 0")];
  if (typeof value === "string" && !/^\d+%$/.test(value)) {
    return [wrong(field, value, "a valid percent string must be a numeric string followed by an ending '%'")];
  }
  return [];
}
