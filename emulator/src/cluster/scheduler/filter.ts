/**
 * Which hosts a pod may run on, and why not on the others. Pure. The rules and their words are kube-scheduler's, tried in
 * its order: the first rule that a host fails gives the reason (resources give one for each that is short).
 */
import type { NodeObject, NodeSelectorTerm, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { cpuMilli, memoryMiB } from "@shoal/shared/base/quantity.ts";
import { meets, selects } from "../selectors.ts";
import { isTolerated, UNSCHEDULABLE } from "../taints.ts";

/** A host with what already runs, or is about to run, on it. */
export interface Candidate {
  readonly node: NodeObject;
  readonly pods: readonly PodObject[];
}

export interface Amounts {
  readonly cpu: number;
  readonly memory: number;
  readonly pods: number;
  readonly extended: ReadonlyMap<string, number>;
}

type Rule = (pod: PodObject, at: Candidate, all: readonly Candidate[]) => readonly string[];

const RULES: readonly Rule[] = [unschedulable, untolerated, affinity, resources, spread];

/** Empty where the pod fits. */
export function reasonsAgainst(pod: PodObject, at: Candidate, all: readonly Candidate[]): readonly string[] {
  for (const rule of RULES) {
    const reasons = rule(pod, at, all);
    if (reasons.length > 0) return reasons;
  }
  return [];
}

function unschedulable(pod: PodObject, { node }: Candidate): readonly string[] {
  if (node.spec?.unschedulable !== true) return [];
  const taint = { key: UNSCHEDULABLE, effect: "NoSchedule" } as const;
  return isTolerated(pod.spec.tolerations ?? [], taint) ? [] : ["node(s) were unschedulable"];
}

function untolerated(pod: PodObject, { node }: Candidate): readonly string[] {
  const taint = (node.spec?.taints ?? []).find(
    (one) => one.effect !== "PreferNoSchedule" && !isTolerated(pod.spec.tolerations ?? [], one),
  );
  return taint === undefined ? [] : [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`];
}

function affinity(pod: PodObject, { node }: Candidate): readonly string[] {
  return matchesNodeAffinity(pod, node) ? [] : ["node(s) didn't match Pod's node affinity/selector"];
}

export function matchesNodeAffinity(pod: PodObject, node: NodeObject): boolean {
  const labels = node.metadata.labels ?? {};
  const selector = Object.entries(pod.spec.nodeSelector ?? {});
  if (!selector.every(([key, value]) => labels[key] === value)) return false;
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => termMatches(term, node));
}

/** Terms are alternatives, a term's requirements belong together, and an empty term matches nothing. */
export function termMatches(term: NodeSelectorTerm, node: NodeObject): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return (
    expressions.every((requirement) => meets(node.metadata.labels ?? {}, requirement)) &&
    fields.every((requirement) => meets({ "metadata.name": node.metadata.name }, requirement))
  );
}

function resources(pod: PodObject, at: Candidate): readonly string[] {
  const free = freeOn(at);
  const wanted = requestsOf(pod);
  const reasons: string[] = [];
  if (free.pods < 1) reasons.push("Too many pods");
  if (wanted.cpu > 0 && wanted.cpu > free.cpu) reasons.push("Insufficient cpu");
  if (wanted.memory > 0 && wanted.memory > free.memory) reasons.push("Insufficient memory");
  for (const [name, amount] of wanted.extended) {
    if (amount > (free.extended.get(name) ?? 0)) reasons.push(`Insufficient ${name}`);
  }
  return reasons;
}

/** What a pod asks for: a limit stands in for a request that is missing. CPU in milli-cores, memory in MiB. */
export function requestsOf(pod: PodObject): Amounts {
  let cpu = 0;
  let memory = 0;
  const extended = new Map<string, number>();
  for (const container of pod.spec.containers) {
    const wanted = { ...container.resources?.limits, ...container.resources?.requests };
    for (const [name, quantity] of Object.entries(wanted)) {
      if (name === "cpu") cpu += cpuMilli(quantity) ?? 0;
      else if (name === "memory") memory += memoryMiB(quantity) ?? 0;
      else if (name !== "ephemeral-storage") extended.set(name, (extended.get(name) ?? 0) + Number(quantity));
    }
  }
  return { cpu, memory, pods: 1, extended };
}

export function allocatableOf(node: NodeObject): Amounts {
  const has = node.status?.allocatable ?? node.status?.capacity ?? {};
  const extended = new Map(
    Object.entries(has)
      .filter(([name]) => !["cpu", "memory", "pods", "ephemeral-storage"].includes(name))
      .map(([name, quantity]) => [name, Number(quantity)]),
  );
  return {
    cpu: cpuMilli(has["cpu"] ?? "0") ?? 0,
    memory: memoryMiB(has["memory"] ?? "0") ?? 0,
    pods: Number(has["pods"] ?? "110"),
    extended,
  };
}

export function freeOn({ node, pods }: Candidate): Amounts {
  const whole = allocatableOf(node);
  const used = pods.map(requestsOf);
  const sum = (of: (amounts: Amounts) => number): number => used.reduce((total, amounts) => total + of(amounts), 0);
  return {
    cpu: whole.cpu - sum((amounts) => amounts.cpu),
    memory: whole.memory - sum((amounts) => amounts.memory),
    pods: whole.pods - pods.length,
    extended: new Map(
      [...whole.extended].map(([name, amount]) => [name, amount - sum((amounts) => amounts.extended.get(name) ?? 0)]),
    ),
  };
}

function spread(pod: PodObject, at: Candidate, all: readonly Candidate[]): readonly string[] {
  for (const constraint of pod.spec.topologySpreadConstraints ?? []) {
    if (constraint.whenUnsatisfiable !== "DoNotSchedule") continue;
    const domain = at.node.metadata.labels?.[constraint.topologyKey];
    if (domain === undefined) return ["node(s) didn't match pod topology spread constraints (missing required label)"];
    const counts = domainCounts(pod, constraint, all);
    const self = selects(constraint.labelSelector, pod.metadata.labels ?? {}) ? 1 : 0;
    const skew = (counts.get(domain) ?? 0) + self - Math.min(...counts.values());
    if (skew > constraint.maxSkew) return ["node(s) didn't match pod topology spread constraints"];
  }
  return [];
}

/** Matching pods by domain, over the domains that the pod's own affinity leaves open. */
export function domainCounts(
  pod: PodObject,
  constraint: NonNullable<PodObject["spec"]["topologySpreadConstraints"]>[number],
  all: readonly Candidate[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const candidate of all) {
    const domain = candidate.node.metadata.labels?.[constraint.topologyKey];
    if (domain === undefined || !matchesNodeAffinity(pod, candidate.node)) continue;
    const matching = candidate.pods.filter(
      (other) =>
        other.metadata.namespace === pod.metadata.namespace &&
        other.metadata.deletionTimestamp === undefined &&
        selects(constraint.labelSelector, other.metadata.labels ?? {}),
    );
    counts.set(domain, (counts.get(domain) ?? 0) + matching.length);
  }
  return counts;
}
