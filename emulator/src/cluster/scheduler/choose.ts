/** Chooses a host for one pod, or says in kube-scheduler's words why there is none. Pure. */
import type { PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { isTolerated } from "../taints.ts";
import {
  allocatableOf,
  domainCounts,
  freeOn,
  reasonsAgainst,
  requestsOf,
  termMatches,
  type Candidate,
} from "./filter.ts";

export type Choice =
  | { readonly outcome: "bind"; readonly nodeName: string }
  | { readonly outcome: "unschedulable"; readonly message: string };

/** Of the hosts that fit, the one with the best score; of equals the first by name, so that a run can be repeated. */
export function chooseHost(pod: PodObject, all: readonly Candidate[]): Choice {
  if (all.length === 0) return { outcome: "unschedulable", message: "no nodes available to schedule pods" };
  const against = new Map<string, number>();
  let best: { readonly name: string; readonly score: number } | undefined;
  for (const candidate of all) {
    const reasons = reasonsAgainst(pod, candidate, all);
    for (const reason of reasons) against.set(reason, (against.get(reason) ?? 0) + 1);
    if (reasons.length > 0) continue;
    const { name } = candidate.node.metadata;
    const score = scoreOf(pod, candidate, all);
    if (best === undefined || score > best.score || (score === best.score && name < best.name)) best = { name, score };
  }
  if (best !== undefined) return { outcome: "bind", nodeName: best.name };
  const parts = [...against].map(([reason, count]) => `${count} ${reason}`).sort();
  return { outcome: "unschedulable", message: `0/${all.length} nodes are available: ${parts.join(", ")}.` };
}

function scoreOf(pod: PodObject, at: Candidate, all: readonly Candidate[]): number {
  return 2 * preference(pod, at) + room(pod, at) + 3 * softTaints(pod, at) + 2 * softSpread(pod, at, all);
}

/** 0-100: how much of the asked-for weight the host has. */
function preference(pod: PodObject, { node }: Candidate): number {
  const terms = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const total = terms.reduce((sum, term) => sum + term.weight, 0);
  if (total === 0) return 0;
  const met = terms.filter((term) => termMatches(term.preference, node)).reduce((sum, term) => sum + term.weight, 0);
  return (100 * met) / total;
}

/** 0-100: how empty the host would be (LeastAllocated). */
function room(pod: PodObject, at: Candidate): number {
  const free = freeOn(at);
  const whole = allocatableOf(at.node);
  const wanted = requestsOf(pod);
  const share = (left: number, of: number): number => (of === 0 ? 0 : Math.max(0, left) / of);
  return 50 * (share(free.cpu - wanted.cpu, whole.cpu) + share(free.memory - wanted.memory, whole.memory));
}

function softTaints(pod: PodObject, { node }: Candidate): number {
  const unwelcome = (node.spec?.taints ?? []).filter(
    (taint) => taint.effect === "PreferNoSchedule" && !isTolerated(pod.spec.tolerations ?? [], taint),
  );
  return unwelcome.length === 0 ? 100 : 0;
}

/** 100 for a domain with fewest matching pods, less for each one more. */
function softSpread(pod: PodObject, at: Candidate, all: readonly Candidate[]): number {
  const soft = (pod.spec.topologySpreadConstraints ?? []).filter((one) => one.whenUnsatisfiable === "ScheduleAnyway");
  if (soft.length === 0) return 0;
  const scores = soft.map((constraint) => {
    const counts = domainCounts(pod, constraint, all);
    const domain = at.node.metadata.labels?.[constraint.topologyKey];
    if (domain === undefined) return 0;
    return 100 / (1 + (counts.get(domain) ?? 0) - Math.min(...counts.values()));
  });
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}
