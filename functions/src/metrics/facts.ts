/** What one scrape needs to know, asked in one transaction and one statement; totals over all tenants, never a row of one. */
import type { Database } from "../store/database.ts";
import { openConnections } from "../store/metrics/connections.ts";
import { eventsEver } from "../store/metrics/events.ts";
import { fullestHosts, hostTotals, type HostTotals, type HostUse } from "../store/metrics/hosts.ts";
import { openOperations, type OpenOperations } from "../store/metrics/operations.ts";
import { passTotals, type PassTotals } from "../store/metrics/passes.ts";
import { podTotals, type PodTotals } from "../store/metrics/pods.ts";
import { processorTotals, type ProcessorTotals } from "../store/metrics/processors.ts";
import { taskStats, type TaskStats } from "../store/tasks/stats.ts";

/** Most series that hosts, and that clusters and shards, may make. */
const SERIES_LIMITS = { hosts: 500, passes: 100 } as const;

export interface Facts {
  readonly processors: ProcessorTotals;
  readonly pods: PodTotals;
  readonly hosts: HostTotals;
  readonly fullestHosts: readonly HostUse[];
  readonly passes: PassTotals;
  readonly operations: OpenOperations;
  readonly eventsEver: number;
  readonly connections: number;
  readonly tasks: TaskStats;
}

/** Values of the label `query_type`. */
type QueryType =
  | "processors"
  | "pods"
  | "hosts"
  | "fullest_hosts"
  | "passes"
  | "operations"
  | "events"
  | "connections"
  | "tasks"
  | "schema";
/** Measures a query under its name. */
export type Timed = <T>(query: QueryType, ask: () => Promise<T>) => Promise<T>;

export async function gatherFacts(
  database: Pick<Database, "asWorker" | "workerStatement">,
  timed: Timed,
): Promise<Facts> {
  const inTransaction = await database.asWorker(async (tx) => ({
    processors: await timed("processors", () => processorTotals(tx)),
    pods: await timed("pods", () => podTotals(tx)),
    hosts: await timed("hosts", () => hostTotals(tx)),
    fullestHosts: await timed("fullest_hosts", () => fullestHosts(tx, SERIES_LIMITS.hosts)),
    passes: await timed("passes", () => passTotals(tx, SERIES_LIMITS.passes)),
    operations: await timed("operations", () => openOperations(tx)),
    eventsEver: await timed("events", () => eventsEver(tx)),
    connections: await timed("connections", () => openConnections(tx)),
  }));
  return { ...inTransaction, tasks: await timed("tasks", () => taskStats(database)) };
}
