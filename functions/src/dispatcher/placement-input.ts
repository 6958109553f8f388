/** Rows and intents in the words of placement. */
import { cpuMilli as parseCpu, memoryMiB as parseMemory } from "@shoal/shared/base/quantity.ts";
import { podNodeSelector, podTolerations, requiredAffinity, type PodIntent } from "@shoal/shared/decide/pod-spec.ts";
import type { PlacementHost, PlacementPod } from "@shoal/shared/decide/placement.ts";
import type { HostTaint } from "@shoal/shared/ports/pods.ts";
import type { HostRow } from "../store/placement/capacity.ts";

/** What is set aside on a host is told to the planner pod by pod. */
export function placementHost(host: HostRow): PlacementHost {
  return {
    name: host.name,
    zone: host.zone,
    labels: host.labels as Readonly<Record<string, string>>,
    taints: host.taints as readonly HostTaint[],
    ready: host.ready,
    cordoned: host.cordoned,
    allocatable: { cpuMilli: host.cpu_milli, memoryMiB: host.memory_mib, pods: host.pods, gpu: host.gpu },
    used: { cpuMilli: 0, memoryMiB: 0, pods: 0, gpu: 0 },
  };
}

export function placementPod(intent: PodIntent): PlacementPod {
  const { resources, placement } = intent.config;
  const labels = { app: intent.templateSlug };
  return {
    id: intent.processorId,
    requests: {
      cpuMilli: parseCpu(resources.cpu_request) ?? 0,
      memoryMiB: parseMemory(resources.memory_request) ?? 0,
      gpu: resources.gpu_required ? Math.max(1, resources.gpu_limit) : resources.gpu_limit,
    },
    labels,
    nodeSelector: podNodeSelector(intent),
    tolerations: podTolerations(intent),
    affinity: {
      required: requiredAffinity(intent.config),
      preferred: placement.preferred_affinity.map(({ weight, requirement: { key, operator, values } }) => ({
        weight,
        requirement: { key, operator, ...(values === undefined ? {} : { values }) },
      })),
    },
    spread: placement.spread.map((spread) => ({
      topologyKey: spread.topology_key,
      maxSkew: spread.max_skew,
      whenUnsatisfiable: spread.when_unsatisfiable,
      matchLabels: labels,
    })),
  };
}
