/** What the API asks of an Event, and by what events can be selected. */
import { textAt } from "../object.ts";
import { PLAIN_RULES, wrong, type KindRules } from "./rules.ts";

const ABOUT = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];

export const EVENT_RULES: KindRules = {
  ...PLAIN_RULES,
  selectable: [...ABOUT.map((field) => `involvedObject.${field}`), "reason", "reportingComponent", "source", "type"],
  faults: (object) => {
    const about = textAt(object, "involvedObject", "namespace") ?? "";
    const here = object.metadata.namespace ?? "";
    // Events about what has no namespace live in `default`.
    const fits = about === here || (about === "" && here === "default");
    return fits ? [] : [wrong("involvedObject.namespace", about, "does not match event.namespace")];
  },
};
