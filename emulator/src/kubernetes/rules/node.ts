/** What the API asks of a Node: its taints, its quantities, and what of it may not change. */
import { listAt, textAt, valueAt } from "../object.ts";
import { PLAIN_RULES, immutable, required, unsupported, type KindRules } from "./rules.ts";

export const EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export const NODE_RULES: KindRules = {
  ...PLAIN_RULES,
  selectable: ["spec.unschedulable"],
  faults: (object) =>
    listAt(object, "spec", "taints").flatMap((taint, i) => {
      const effect = textAt(taint, "effect");
      return [
        ...(textAt(taint, "key") === undefined
          ? [required(`metadata.taints[${i}][key]`, "Required value: name part must be non-empty")]
          : []),
        ...(effect !== undefined && EFFECTS.includes(effect)
          ? []
          : [unsupported(`metadata.taints[${i}][effect]`, effect, EFFECTS)]),
      ];
    }),
  updateFaults: (next, before) => {
    const was = valueAt(before, "spec", "providerID");
    return was === undefined || was === ""
      ? []
      : immutable("spec.providerID", valueAt(next, "spec", "providerID"), was);
  },
};
