/**
 * Hosts that could be given back: least utilised first, each tried as a dry run in which all its pods have to find room on
 * the others. Hosts without pods are no target, or nothing would be gained; neither is a host that this plan empties, and
 * a host that this plan has filled is not emptied again.
 */
import { byText } from "./quantities.ts";
import type { Fleet } from "./fleet.ts";
import type { Consolidation, ConsolidationBudget, PlacementPod } from "./types.ts";

type Move = Consolidation["moves"][number];

export function planConsolidation(fleet: Fleet, budget: ConsolidationBudget): readonly Consolidation[] {
  return fleet.ledger.attempt(
    () => plan(fleet, budget),
    () => false,
  );
}

function plan(fleet: Fleet, budget: ConsolidationBudget): readonly Consolidation[] {
  const { table, ledger } = fleet;
  const podsOn = podsByHost(fleet);
  for (let host = 0; host < table.size; host++) if (!podsOn.has(host)) ledger.close(host);
  const utilisation = Float64Array.from(table.utilisation);
  const candidates = [...podsOn]
    .filter(([host, pods]) => table.out[host] === 0 && !pods.some((pod) => budget.pinned?.has(pod.id)))
    .sort(([a], [b]) => utilisation[a]! - utilisation[b]! || a - b);
  const plans: Consolidation[] = [];
  const filled = new Set<number>();
  let moves = 0;
  for (const [host, pods] of candidates) {
    if (plans.length >= budget.hosts) break;
    if (filled.has(host) || moves + pods.length > budget.moves) continue;
    const moved = empty(fleet, host, pods);
    if (moved === undefined) continue;
    moves += moved.length;
    for (const { to } of moved) filled.add(table.numberOf.get(to)!);
    plans.push({ host: table.names[host]!, utilisation: utilisation[host]!, moves: moved });
  }
  return plans;
}

/** Moves all pods off the host, or none. */
function empty(fleet: Fleet, host: number, pods: readonly PlacementPod[]): readonly Move[] | undefined {
  const { table, ledger, classOf, settle } = fleet;
  return ledger.attempt<readonly Move[] | undefined>(
    () => {
      ledger.close(host);
      for (const pod of pods) ledger.remove(pod.id);
      const moves: Move[] = [];
      for (const pod of pods) {
        const settled = settle(pod, classOf(pod));
        if (settled === undefined) return undefined;
        moves.push({ pod: pod.id, to: table.names[settled.host]!, because: settled.because });
      }
      return moves;
    },
    (moves) => moves !== undefined,
  );
}

/** Pods of each host that has any, largest first. */
function podsByHost({ ledger }: Fleet): Map<number, PlacementPod[]> {
  const byHost = new Map<number, PlacementPod[]>();
  const sorted = [...ledger.entries.values()].sort(
    (a, b) => b.class.size - a.class.size || byText(a.class.key, b.class.key) || byText(a.pod.id, b.pod.id),
  );
  for (const { pod, host } of sorted) {
    const pods = byHost.get(host);
    if (pods === undefined) byHost.set(host, [pod]);
    else pods.push(pod);
  }
  return byHost;
}
