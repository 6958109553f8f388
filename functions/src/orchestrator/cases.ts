/** Rows and observed pods, put side by side for the decider. */
import type { DesiredProcessor, ReconcileCase } from "@shoal/shared/decide/reconcile.ts";
import type { ObservedPod } from "@shoal/shared/ports/pods.ts";
import { loadRows } from "../dispatcher/processor/load.ts";
import { intentOf, type ProcessorRow } from "../dispatcher/processor/row.ts";
import type { Statements } from "../store/tasks/statements.ts";

/** Rows are read in portions, so that a great change does not hold all of them in memory twice. */
const PORTION = 1000;

export async function casesOf(
  database: Statements,
  ids: readonly string[],
  pods: readonly ObservedPod[],
): Promise<readonly ReconcileCase[]> {
  const podsOf = Map.groupBy(pods, ({ processorId }) => processorId);
  const cases: ReconcileCase[] = [];
  for (let from = 0; from < ids.length; from += PORTION) {
    const portion = ids.slice(from, from + PORTION);
    const rows = await loadRows(database, portion, { withTerminated: true });
    for (const processorId of portion) {
      const row = rows.get(processorId);
      const desired = row === undefined ? undefined : desiredOf(row);
      cases.push({ processorId, desired, pods: podsOf.get(processorId) ?? [] });
    }
  }
  return cases;
}

function desiredOf(row: ProcessorRow): DesiredProcessor {
  const intent = intentOf(row);
  return {
    processorId: row.id,
    namespace: row.namespace,
    stage: row.stage,
    deletionRequested: row.deletionRequested,
    epoch: row.epoch,
    generation: row.generation,
    observedGeneration: row.observedGeneration,
    // An intent that stands for no pod differs from every pod.
    intentHash: intent.ok ? intent.hash : "",
    podName: row.podName,
    podUid: row.podUid,
    podIp: row.podIp,
    hostName: row.hostName,
    healthy: row.healthStatus === "healthy",
  };
}
