/** What a cluster's hosts have, and what is set aside on them. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export interface HostRow {
  readonly name: string;
  readonly ready: boolean;
  readonly cordoned: boolean;
  readonly zone: string;
  readonly labels: unknown;
  readonly taints: unknown;
  readonly cpu_milli: number;
  readonly memory_mib: number;
  readonly pods: number;
  readonly gpu: number;
}

export async function hostsOf(tx: Tx, clusterId: string): Promise<readonly HostRow[]> {
  return tx
    .selectFrom("hosts")
    .select(["name", "ready", "cordoned", "zone", "labels", "taints", "cpu_milli", "memory_mib", "pods", "gpu"])
    .where("cluster_id", "=", clusterId)
    .execute();
}

export interface ReservationRow {
  readonly host_name: string;
  readonly template_slug: string;
  readonly cpu_milli: number;
  readonly memory_mib: number;
  readonly gpu: number;
  readonly pods: number;
}

/** Sums for each host and template: placement counts pods of a template, and does not care which they are. */
export async function reservationsOf(tx: Tx, clusterId: string): Promise<readonly ReservationRow[]> {
  const { rows } = await sql<ReservationRow>`
    select p.host_name, t.slug as template_slug, sum(p.reserved_cpu_milli)::int as cpu_milli,
      sum(p.reserved_memory_mib)::int as memory_mib, sum(p.reserved_gpu)::int as gpu, count(*)::int as pods
    from processors p join processor_templates t on t.id = p.processor_template_id
    where p.cluster_id = ${clusterId} and p.host_name is not null and p.terminated_at is null
    group by p.host_name, t.slug`.execute(tx);
  return rows;
}
