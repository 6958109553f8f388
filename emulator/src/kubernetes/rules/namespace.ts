/** What the API does with a new namespace: it is active, and keeps its content until it is finalized. */
import { PLAIN_RULES, type KindRules } from "./rules.ts";

export const NAMESPACE_RULES: KindRules = {
  ...PLAIN_RULES,
  selectable: ["status.phase"],
  created: (object) => {
    object["spec"] = { finalizers: ["kubernetes"] };
    object["status"] = { phase: "Active" };
    object.metadata.labels = { ...object.metadata.labels, "kubernetes.io/metadata.name": object.metadata.name };
  },
};
