/**
 * What can be said about a host and a pod without knowing who else is there: health, selectors, affinity to host labels,
 * taints. An ordered table; the first rule that refuses is the one reported.
 */
import { DRAIN_TAINTS, isDraining } from "../../model/host.ts";
import { meets, tolerated, type Labels } from "./labels.ts";
import { HOST_KEY, HOST_RULES, ZONE_KEY, type HostRule, type PlacementHost, type PlacementPod } from "./types.ts";

/** What the rules look at; a provisionable shape answers as a host that is ready. */
export type Candidate = Pick<PlacementHost, "labels" | "taints" | "ready" | "cordoned">;

/** The part of a pod that the rules look at. */
export type StaticWishes = Pick<PlacementPod, "nodeSelector" | "tolerations" | "affinity">;

interface StaticRule {
  readonly rule: HostRule;
  readonly refuses: (host: Candidate, pod: StaticWishes) => boolean;
  /** The same, as far as it will not pass by itself: only this may lead to `unsatisfiable`. */
  readonly refusesForGood: (host: Candidate, pod: StaticWishes) => boolean;
}

const never = (): boolean => false;
const selectorFails = (host: Candidate, pod: StaticWishes): boolean => {
  for (const key in pod.nodeSelector) if (host.labels[key] !== pod.nodeSelector[key]) return true;
  return false;
};
const affinityFails = (host: Candidate, pod: StaticWishes): boolean =>
  pod.affinity?.required?.some((requirement) => !meets(host.labels[requirement.key], requirement)) ?? false;

/** Taints that the node lifecycle sets and takes away again. */
const passing = (key: string): boolean =>
  key.startsWith("node.kubernetes.io/") ||
  key.startsWith("node.cloudprovider.kubernetes.io/") ||
  DRAIN_TAINTS.includes(key);

/** A host that is being emptied takes nobody, not even who tolerates the taint: it would be moved off again at once. */
const STATIC_RULES: readonly StaticRule[] = [
  { rule: "not_ready", refuses: (host) => !host.ready, refusesForGood: never },
  { rule: "cordoned", refuses: isDraining, refusesForGood: never },
  { rule: "node_selector", refuses: selectorFails, refusesForGood: selectorFails },
  { rule: "node_affinity", refuses: affinityFails, refusesForGood: affinityFails },
  {
    rule: "taint",
    refuses: (host, pod) =>
      host.taints.some((taint) => taint.effect !== "PreferNoSchedule" && !tolerated(taint, pod.tolerations ?? [])),
    refusesForGood: (host, pod) =>
      host.taints.some(
        (taint) =>
          taint.effect !== "PreferNoSchedule" && !passing(taint.key) && !tolerated(taint, pod.tolerations ?? []),
      ),
  },
];

/** Number of a rule in `HOST_RULES`, plus one; 0 stands for "not refused". */
export const ruleNumber = (rule: HostRule): number => HOST_RULES.indexOf(rule) + 1;

/** Whether the host takes nobody at all; such hosts are not searched. */
export const takesNobody = (host: Candidate): boolean => !host.ready || isDraining(host);

export function staticRefusal(host: Candidate, pod: StaticWishes): number {
  const found = STATIC_RULES.find(({ refuses }) => refuses(host, pod));
  return found === undefined ? 0 : ruleNumber(found.rule);
}

export function lastingRefusal(host: Candidate, pod: StaticWishes): number {
  const found = STATIC_RULES.find(({ refusesForGood }) => refusesForGood(host, pod));
  return found === undefined ? 0 : ruleNumber(found.rule);
}

/** The most that one preferred term can weigh; what an untolerated soft taint or one pod of excess skew costs. */
export const WISH_UNIT = 100;

/** Sum of the weights of the preferred terms that hold, less `WISH_UNIT` for each `PreferNoSchedule` taint not tolerated. */
export function staticWishes(host: Candidate, pod: StaticWishes): number {
  let sum = 0;
  for (const { weight, requirement } of pod.affinity?.preferred ?? []) {
    if (meets(host.labels[requirement.key], requirement)) sum += weight;
  }
  for (const taint of host.taints) {
    if (taint.effect === "PreferNoSchedule" && !tolerated(taint, pod.tolerations ?? [])) sum -= WISH_UNIT;
  }
  return sum;
}

/** Labels with the zone and the host's name under their well-known keys. */
export function fullLabels(labels: Labels, zone: string, name: string): Labels {
  return { ...(zone === "" ? {} : { [ZONE_KEY]: zone }), ...(name === "" ? {} : { [HOST_KEY]: name }), ...labels };
}
