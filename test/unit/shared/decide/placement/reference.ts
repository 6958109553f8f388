/**
 * Placement once more, written from its rules and not from its code: every host is asked every rule, counts are taken anew
 * for each question, and nothing is remembered. Slow and plain; the planner has to agree with it on small fleets.
 */
import { HOST_KEY, type PlacementHost, type PlacementPod, type TopologyKey } from "@shoal/shared/decide/placement.ts";

export interface World {
  readonly hosts: readonly PlacementHost[];
  readonly placed: readonly { readonly pod: PlacementPod; readonly host: string }[];
}

type Labels = Readonly<Record<string, string>>;

const labelsOf = (host: PlacementHost): Labels => ({
  ...(host.zone === "" ? {} : { "topology.kubernetes.io/zone": host.zone }),
  "kubernetes.io/hostname": host.name,
  ...host.labels,
});
const domainOf = (host: PlacementHost, key: TopologyKey): string | undefined =>
  key === HOST_KEY ? host.name : host.zone === "" ? undefined : host.zone;
const matches = (labels: Labels | undefined, wanted: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels?.[key] === value);

const total = (world: World, host: PlacementHost) => {
  const sum = { ...host.used };
  for (const { pod, host: name } of world.placed) {
    if (name !== host.name) continue;
    sum.cpuMilli += pod.requests.cpuMilli;
    sum.memoryMiB += pod.requests.memoryMiB;
    sum.gpu += pod.requests.gpu;
    sum.pods += 1;
  }
  return sum;
};

export function utilisation(world: World, host: PlacementHost): number {
  const used = total(world, host);
  const shares = (["cpuMilli", "memoryMiB", "pods", "gpu"] as const).map((name) =>
    host.allocatable[name] === 0 ? (used[name] > 0 ? 1 : 0) : used[name] / host.allocatable[name],
  );
  return Math.max(...shares);
}

export function fits(world: World, host: PlacementHost, pod: PlacementPod, bufferPercent = 10): boolean {
  const used = total(world, host);
  const kept = (amount: number): number => Math.floor((amount * (100 - bufferPercent)) / 100);
  return (
    used.cpuMilli + pod.requests.cpuMilli <= kept(host.allocatable.cpuMilli) &&
    used.memoryMiB + pod.requests.memoryMiB <= kept(host.allocatable.memoryMiB) &&
    used.gpu + pod.requests.gpu <= host.allocatable.gpu &&
    used.pods + 1 <= host.allocatable.pods
  );
}

function requirementHolds(labels: Labels, key: string, operator: string, values: readonly string[]): boolean {
  const value = labels[key];
  if (operator === "Exists") return value !== undefined;
  if (operator === "DoesNotExist") return value === undefined;
  if (operator === "In") return value !== undefined && values.includes(value);
  if (operator === "NotIn") return value === undefined || !values.includes(value);
  if (value === undefined || !/^-?\d+$/.test(value) || !/^-?\d+$/.test(values[0] ?? "")) return false;
  return operator === "Gt" ? Number(value) > Number(values[0]) : Number(value) < Number(values[0]);
}

const isTolerated = (taint: PlacementHost["taints"][number], pod: PlacementPod): boolean =>
  (pod.tolerations ?? []).some(
    (one) =>
      (one.effect === undefined || one.effect === taint.effect) &&
      (one.operator === "Exists"
        ? one.key === undefined || one.key === taint.key
        : one.key === taint.key && (one.value ?? "") === taint.value),
  );

const DRAINS = ["node.kubernetes.io/unschedulable", "karpenter.sh/disrupted"];

/** Health, selector, required affinity, taints. */
export function admits(host: PlacementHost, pod: PlacementPod): boolean {
  const labels = labelsOf(host);
  return (
    host.ready &&
    !host.cordoned &&
    !host.taints.some((taint) => DRAINS.includes(taint.key)) &&
    matches(labels, pod.nodeSelector ?? {}) &&
    (pod.affinity?.required ?? []).every((one) => requirementHolds(labels, one.key, one.operator, one.values ?? [])) &&
    host.taints.every((taint) => taint.effect === "PreferNoSchedule" || isTolerated(taint, pod))
  );
}

const countIn = (world: World, key: TopologyKey, domain: string, selector: Labels): number =>
  world.placed.filter(({ pod, host: name }) => {
    const host = world.hosts.find((one) => one.name === name);
    return host !== undefined && domainOf(host, key) === domain && matches(pod.labels, selector);
  }).length;

/** How far the domain's count would lie above the least eligible one's, with the pod in it. */
function skewWith(world: World, host: PlacementHost, pod: PlacementPod, key: TopologyKey, selector: Labels) {
  const domain = domainOf(host, key);
  if (domain === undefined) return undefined;
  const eligible = world.hosts.filter((one) => admits(one, pod)).map((one) => domainOf(one, key));
  const domains = [...new Set(eligible)].filter((one) => one !== undefined);
  const least = domains.length === 0 ? 0 : Math.min(...domains.map((one) => countIn(world, key, one, selector)));
  return countIn(world, key, domain, selector) + (matches(pod.labels, selector) ? 1 : 0) - least;
}

/** Hard spread, required pod affinity and anti-affinity, and being kept away by others. */
export function neighboursAllow(world: World, host: PlacementHost, pod: PlacementPod): boolean {
  for (const rule of pod.spread ?? []) {
    if (rule.whenUnsatisfiable !== "DoNotSchedule") continue;
    const skew = skewWith(world, host, pod, rule.topologyKey, rule.matchLabels);
    if (skew === undefined || skew > rule.maxSkew) return false;
  }
  for (const term of pod.affinity?.pods ?? []) {
    if (term.weight !== "required") continue;
    const domain = domainOf(host, term.topologyKey);
    if (domain === undefined) return false;
    const all = world.hosts.map((one) => domainOf(one, term.topologyKey)).filter((one) => one !== undefined);
    const anywhere = [...new Set(all)].some((one) => countIn(world, term.topologyKey, one, term.matchLabels) > 0);
    const first = !anywhere && matches(pod.labels, term.matchLabels);
    if (!first && countIn(world, term.topologyKey, domain, term.matchLabels) === 0) return false;
  }
  for (const term of pod.affinity?.antiPods ?? []) {
    const domain = domainOf(host, term.topologyKey);
    if (term.weight !== "required" || domain === undefined) continue;
    if (countIn(world, term.topologyKey, domain, term.matchLabels) > 0) return false;
  }
  for (const { pod: other, host: name } of world.placed) {
    const there = world.hosts.find((one) => one.name === name);
    for (const term of other.affinity?.antiPods ?? []) {
      if (term.weight !== "required" || there === undefined || !matches(pod.labels, term.matchLabels)) continue;
      const domain = domainOf(there, term.topologyKey);
      if (domain !== undefined && domain === domainOf(host, term.topologyKey)) return false;
    }
  }
  return true;
}

export function wishes(world: World, host: PlacementHost, pod: PlacementPod): number {
  const labels = labelsOf(host);
  let sum = 0;
  for (const { weight, requirement: one } of pod.affinity?.preferred ?? []) {
    if (requirementHolds(labels, one.key, one.operator, one.values ?? [])) sum += weight;
  }
  for (const taint of host.taints) if (taint.effect === "PreferNoSchedule" && !isTolerated(taint, pod)) sum -= 100;
  const present = (key: TopologyKey, selector: Labels): boolean => {
    const domain = domainOf(host, key);
    return domain !== undefined && countIn(world, key, domain, selector) > 0;
  };
  for (const { weight, topologyKey, matchLabels } of pod.affinity?.pods ?? []) {
    if (weight !== "required" && present(topologyKey, matchLabels)) sum += weight;
  }
  for (const { weight, topologyKey, matchLabels } of pod.affinity?.antiPods ?? []) {
    if (weight !== "required" && present(topologyKey, matchLabels)) sum -= weight;
  }
  for (const rule of pod.spread ?? []) {
    if (rule.whenUnsatisfiable !== "ScheduleAnyway") continue;
    const skew = skewWith(world, host, pod, rule.topologyKey, rule.matchLabels);
    sum -= skew === undefined ? 100 : 100 * Math.max(0, skew - rule.maxSkew);
  }
  return sum;
}

/** Most wishes, then most utilised, then the first name. */
export function choose(world: World, pod: PlacementPod): string | undefined {
  const able = world.hosts.filter(
    (host) => admits(host, pod) && fits(world, host, pod) && neighboursAllow(world, host, pod),
  );
  able.sort(
    (a, b) =>
      wishes(world, b, pod) - wishes(world, a, pod) ||
      utilisation(world, b) - utilisation(world, a) ||
      (a.name < b.name ? -1 : 1),
  );
  return able[0]?.name;
}
