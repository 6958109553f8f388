/**
 * Checks the outcome of a placement run from the decisions alone, with its own sums: a bench whose result breaks a rule
 * throws instead of printing a rate. The rules are checked on the final state, which is as strict as checking on the way
 * because in these scenarios every pod that a constraint counts carries that constraint itself.
 */
import { HOST_KEY, type Decision, type PlacementHost, type TopologyKey } from "@shoal/shared/decide/placement.ts";
import type { Scenario } from "./placement-fleet.ts";

export interface Outcome {
  readonly placed: number;
  readonly provision: number;
  readonly unsatisfiable: number;
  readonly hostsUsed: number;
}

const fail = (what: string): never => {
  throw new Error(`placement bench: ${what}`);
};

export function checkOutcome({ hosts, pods, shapes }: Scenario, decisions: readonly Decision[]): Outcome {
  const hostByName = new Map(hosts.map((host) => [host.name, host]));
  const shapeNames = new Set(shapes.map((shape) => shape.name));
  const sums = new Map<string, { cpuMilli: number; memoryMiB: number; pods: number; gpu: number }>();
  const outcome = { placed: 0, provision: 0, unsatisfiable: 0 };
  /** Per application and topology: how many of its pods are in each domain. */
  const counts = new Map<string, Map<string, number>>();
  for (const [index, pod] of pods.entries()) {
    const decision = decisions[index] ?? fail(`no decision on ${pod.id}`);
    if (decision.pod !== pod.id) fail(`decision on ${decision.pod} where ${pod.id} was asked about`);
    if (decision.kind === "unsatisfiable") outcome.unsatisfiable++;
    else if (decision.kind === "provision") {
      outcome.provision++;
      if (decision.shape !== undefined && !shapeNames.has(decision.shape)) fail(`unknown shape ${decision.shape}`);
    } else {
      outcome.placed++;
      const host = hostByName.get(decision.host) ?? fail(`unknown host ${decision.host}`);
      const sum = sums.get(host.name) ?? { ...host.used };
      sum.cpuMilli += pod.requests.cpuMilli;
      sum.memoryMiB += pod.requests.memoryMiB;
      sum.gpu += pod.requests.gpu;
      sum.pods++;
      sums.set(host.name, sum);
      for (const key in pod.nodeSelector) if (host.labels[key] !== pod.nodeSelector[key]) fail(`selector of ${pod.id}`);
      if (host.taints.length > 0 && pod.tolerations === undefined) fail(`taint under ${pod.id}`);
      for (const { key, values } of pod.affinity?.required ?? []) {
        if (!(Number(host.labels[key]) > Number(values?.[0]))) fail(`node affinity of ${pod.id}`);
      }
      for (const topologyKey of ["topology.kubernetes.io/zone", HOST_KEY] as const) {
        const name = `${pod.labels?.["app"]}|${topologyKey}`;
        const byDomain = counts.get(name) ?? new Map<string, number>();
        counts.set(name, byDomain);
        const domain = topologyKey === HOST_KEY ? host.name : host.zone;
        byDomain.set(domain, (byDomain.get(domain) ?? 0) + 1);
      }
    }
  }
  for (const [name, sum] of sums) checkCapacity(hostByName.get(name) ?? fail(name), sum);
  checkNeighbours({ hosts, pods, shapes }, counts);
  return { ...outcome, hostsUsed: sums.size };
}

function checkCapacity(host: PlacementHost, sum: PlacementHost["used"]): void {
  const { cpuMilli, memoryMiB, pods, gpu } = host.allocatable;
  const kept = sum.cpuMilli <= cpuMilli * 0.9 && sum.memoryMiB <= memoryMiB * 0.9;
  if (!kept || sum.pods > pods || sum.gpu > gpu) fail(`${host.name} is overfull: ${JSON.stringify(sum)}`);
}

function checkNeighbours({ hosts, pods }: Scenario, counts: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
  const seen = new Set<string>();
  for (const pod of pods) {
    const app = pod.labels?.["app"] ?? "";
    if (seen.has(app)) continue;
    seen.add(app);
    const inDomains = (key: TopologyKey): readonly number[] => [...(counts.get(`${app}|${key}`)?.values() ?? [])];
    for (const { topologyKey, maxSkew, whenUnsatisfiable } of pod.spread ?? []) {
      if (whenUnsatisfiable !== "DoNotSchedule") continue;
      const eligible = hosts.filter((host) => host.taints.length === 0);
      const domains = new Set(eligible.map((host) => (topologyKey === HOST_KEY ? host.name : host.zone)));
      const found = inDomains(topologyKey);
      const least = found.length < domains.size ? 0 : Math.min(...found);
      if (Math.max(0, ...found) - least > maxSkew) fail(`${app} is skewed: ${found.join(" ")}`);
    }
    for (const { topologyKey } of pod.affinity?.pods ?? []) {
      if (inDomains(topologyKey).length > 1) fail(`${app} is not together`);
    }
    for (const { topologyKey } of pod.affinity?.antiPods ?? []) {
      if (inDomains(topologyKey).some((count) => count > 1)) fail(`${app} is not apart`);
    }
  }
}

/** Fewest equal hosts that could hold the pods, whatever the packing: the sum of each resource over what a host has of it. */
export function lowerBound({ hosts, pods }: Scenario): number {
  const allocatable = hosts[0]?.allocatable ?? fail("no hosts");
  const sum = (of: (pod: Scenario["pods"][number]) => number): number =>
    pods.reduce((total, pod) => total + of(pod), 0);
  return Math.max(
    Math.ceil(sum((pod) => pod.requests.cpuMilli) / Math.floor(allocatable.cpuMilli * 0.9)),
    Math.ceil(sum((pod) => pod.requests.memoryMiB) / Math.floor(allocatable.memoryMiB * 0.9)),
    Math.ceil(pods.length / allocatable.pods),
  );
}
