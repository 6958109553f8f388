/** A Pod: how long it may take to go, and what of it may still change. Defaults and faults have their own files. */
import { fieldsAt, listAt, numberAt, sameJson, textAt, valueAt, type ApiObject, type Fields } from "../object.ts";
import type { StatusCause } from "../status.ts";
import { podDefaults, qualityOf } from "./pod-defaults.ts";
import { podFaults } from "./pod-faults.ts";
import { PLAIN_RULES, immutable, type KindRules } from "./rules.ts";

export const POD_RULES: KindRules = {
  ...PLAIN_RULES,
  selectable: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
  ],
  defaults: podDefaults,
  created: (pod) => {
    pod["status"] = { phase: "Pending", qosClass: qualityOf(pod) };
  },
  faults: podFaults,
  updateFaults,
  grace,
};

const DEFAULT_GRACE_SECONDS = 30;

/** A pod that no kubelet has, or that has ended, need not wait for anybody's word. */
function grace(pod: ApiObject, asked: number | undefined): number {
  const phase = textAt(pod, "status", "phase");
  if (phase === "Succeeded" || phase === "Failed") return 0;
  if ((textAt(pod, "spec", "nodeName") ?? "") === "") return 0;
  const seconds = asked ?? numberAt(pod, "spec", "terminationGracePeriodSeconds") ?? DEFAULT_GRACE_SECONDS;
  return seconds < 0 ? 1 : seconds;
}

const MAY_CHANGE =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
  "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

function updateFaults(next: ApiObject, before: ApiObject): readonly StatusCause[] {
  if (!sameJson(frozen(next), frozen(before))) {
    return [{ reason: "FieldValueForbidden", message: `Forbidden: ${MAY_CHANGE}`, field: "spec" }];
  }
  const kept = listAt(before, "spec", "tolerations");
  const tolerations = listAt(next, "spec", "tolerations");
  const lost = kept.some((one) => !tolerations.some((other) => sameKeyed(one, other)));
  return [...(lost ? immutable("spec.tolerations", tolerations, kept) : []), ...fewerContainers(next, before)];
}

/** What stays as it was created. */
function frozen(pod: ApiObject): Fields {
  const { tolerations: _tolerations, activeDeadlineSeconds: _deadline, ...spec } = fieldsAt(pod, "spec");
  const withoutImages = (name: string): unknown =>
    listAt(pod, "spec", name).map((container) => {
      const { image: _image, ...rest } = fieldsAt(container);
      return rest;
    });
  return { ...spec, containers: withoutImages("containers"), initContainers: withoutImages("initContainers") };
}

/** The same toleration, for however long. */
function sameKeyed(a: unknown, b: unknown): boolean {
  const { tolerationSeconds: _a, ...one } = fieldsAt(a);
  const { tolerationSeconds: _b, ...other } = fieldsAt(b);
  return sameJson(one, other);
}

function fewerContainers(next: ApiObject, before: ApiObject): readonly StatusCause[] {
  const count = (pod: ApiObject): number => listAt(pod, "spec", "containers").length;
  if (count(next) === count(before)) return [];
  return [
    {
      reason: "FieldValueForbidden",
      message: "Forbidden: pod updates may not add or remove containers",
      field: "spec.containers",
    },
  ];
}

/** Whether a pod has run to its end. */
export function isOver(pod: ApiObject): boolean {
  const phase = valueAt(pod, "status", "phase");
  return phase === "Succeeded" || phase === "Failed";
}
