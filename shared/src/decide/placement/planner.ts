/**
 * The planner: wires table, order, ledger, classes and search to the verbs of `Planner`. It is made for one pass over a
 * snapshot of hosts and pods and thrown away afterwards; it keeps no clock and makes no choice by chance, so the same
 * snapshot gives the same decisions, in whatever order it is handed in.
 */
import { placeBatch } from "./batch.ts";
import { conditionsOf } from "./conditions.ts";
import { planConsolidation } from "./consolidate.ts";
import type { Fleet, Settled } from "./fleet.ts";
import { createHostOrder } from "./host-order.ts";
import { createHostTable, type HostTable } from "./host-table.ts";
import { createLedger } from "./ledger.ts";
import { createClasses, type PodClass } from "./pod-class.ts";
import { createRefuser } from "./refuser.ts";
import { search, type Found } from "./search.ts";
import type { Decision, PlacementHost, PlacementPod, PlaceReason, Planner, PlannerOptions } from "./types.ts";

/** Share of CPU and memory that stays free on each host. */
const DEFAULT_BUFFER_PERCENT = 10;
/** Throws `invalid_argument` for hosts named twice and for quantities that are no whole numbers >= 0. */
export function createPlanner(hosts: readonly PlacementHost[], options: PlannerOptions = {}): Planner {
  const { bufferPercent = DEFAULT_BUFFER_PERCENT, shapes = [], placed = [] } = options;
  const table = createHostTable(hosts, bufferPercent);
  const order = createHostOrder(table);
  const ledger = createLedger<PodClass>(table, order);
  const classOf = createClasses(table, ledger);
  for (const { pod, host } of placed) {
    const number = table.numberOf.get(host);
    if (number !== undefined) ledger.add(pod, classOf(pod), number);
  }
  for (let host = 0; host < table.size; host++) if (table.out[host] === 0) order.insert(host);

  const settle = (pod: PlacementPod, podClass: PodClass): Settled | undefined => {
    const found = search(table, order, podClass, conditionsOf(pod, podClass, ledger));
    if (found === undefined) return undefined;
    const because = placeReason(found, table);
    ledger.add(pod, podClass, found.host);
    return { host: found.host, because };
  };
  const fleet: Fleet = { table, order, ledger, classOf, settle };
  const refuse = createRefuser(fleet, shapes, bufferPercent);
  const decide = (pod: PlacementPod, podClass: PodClass): Decision => {
    const settled = settle(pod, podClass);
    if (settled === undefined) return refuse(pod, podClass);
    return { kind: "place", pod: pod.id, host: table.names[settled.host]!, because: settled.because };
  };
  return {
    place: (pod) => decide(pod, classOf(pod)),
    placeAll: (pods) => placeBatch(pods, classOf, decide),
    remove: (podId) => ledger.remove(podId) !== undefined,
    hostOf: (podId) => {
      const entry = ledger.entries.get(podId);
      return entry === undefined ? undefined : table.names[entry.host];
    },
    utilisation: (host) => table.utilisation[table.numberOf.get(host) ?? -1] ?? 0,
    consolidate: (budget) => planConsolidation(fleet, budget),
    attempt: (work, keep) => ledger.attempt(work, keep),
  };
}

/** One decision over one snapshot. */
export function decidePlacement(
  hosts: readonly PlacementHost[],
  pod: PlacementPod,
  options: PlannerOptions = {},
): Decision {
  return createPlanner(hosts, options).place(pod);
}

const placeReason = ({ host, wishes, preferred }: Found, table: HostTable): PlaceReason => ({
  rule: preferred ? "preferred" : "most_utilised",
  utilisation: table.utilisation[host]!,
  wishes,
});
