/**
 * Finds the host for a pod: of those that can hold it, the one that meets most wishes, among these the most utilised, then
 * the first by name. Hosts are walked from the most utilised; the walk ends at the first host that no other can beat.
 */
import { rangeBroken, wishesMet, type Conditions } from "./conditions.ts";
import { balanceOf, type HostOrder } from "./host-order.ts";
import type { HostTable } from "./host-table.ts";
import type { PodClass } from "./pod-class.ts";

export interface Found {
  readonly host: number;
  readonly wishes: number;
  /** Whether wishes decided against a more utilised host. */
  readonly preferred: boolean;
}

export function search(
  table: HostTable,
  order: HostOrder,
  podClass: PodClass,
  conditions: Conditions,
): Found | undefined {
  const { freeCpu, freeMemory, freePods, freeGpu } = table;
  const { cpuMilli, memoryMiB, gpu } = podClass.model.requests;
  const { refusal, wishes: fixedWishes } = podClass.fixed;
  const { ranges, wishes, mostWishes } = conditions;
  const balance = balanceOf(cpuMilli, memoryMiB);
  const indifferent = fixedWishes === undefined && wishes.length === 0;
  let first = -1;
  let best = -1;
  let bestWishes = -Infinity;
  for (const leaf of order.leaves) {
    if (leaf.mostCpu < cpuMilli || leaf.mostMemory < memoryMiB || leaf.mostPods < 1 || leaf.mostGpu < gpu) continue;
    if (leaf.mostBalance < balance) continue;
    const { hosts, size } = leaf;
    for (let i = 0; i < size; i++) {
      const host = hosts[i]!;
      if (freeCpu[host]! < cpuMilli || freeMemory[host]! < memoryMiB) continue;
      if (freePods[host]! < 1 || freeGpu[host]! < gpu || refusal[host] !== 0) continue;
      if (ranges.length > 0 && rangeBroken(ranges, host) !== undefined) continue;
      if (indifferent) return { host, wishes: 0, preferred: false };
      if (first < 0) first = host;
      const met = (fixedWishes?.[host] ?? 0) + wishesMet(wishes, (tally) => tally.domainOf[host]!);
      if (met <= bestWishes) continue;
      best = host;
      bestWishes = met;
      if (met >= mostWishes) return { host, wishes: met, preferred: host !== first };
    }
  }
  return best < 0 ? undefined : { host: best, wishes: bestWishes, preferred: best !== first };
}
