/**
 * Hosts, and how full the fullest are: pods of ours that have not ended, against what a host may hold. Hosts of two clusters
 * that share a name are one row, the fuller. How many are named is bounded, since each becomes a label.
 */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export interface HostTotals {
  readonly all: number;
  readonly ready: number;
  readonly cordoned: number;
}

export interface HostUse {
  readonly name: string;
  /** Managed pods / most pods; 1 is full. */
  readonly ratio: number;
}

export async function hostTotals(tx: Tx): Promise<HostTotals> {
  const { rows } = await sql<Record<keyof HostTotals, string>>`
    select count(*) as all, count(*) filter (where ready) as ready, count(*) filter (where cordoned) as cordoned
    from hosts`.execute(tx);
  const row = rows[0];
  return { all: Number(row?.all), ready: Number(row?.ready), cordoned: Number(row?.cordoned) };
}

/** The `limit` fullest, fullest first. */
export async function fullestHosts(tx: Tx, limit: number): Promise<readonly HostUse[]> {
  const { rows } = await sql<{ name: string; ratio: number }>`
    select h.name, max(coalesce(p.pods, 0) / greatest(h.pods, 1)::float8) as ratio
    from hosts h left join (
      select cluster_id, host_name, count(*) as pods from observed_pods
      where host_name is not null and phase not in ('Succeeded', 'Failed') group by cluster_id, host_name
    ) p on p.cluster_id = h.cluster_id and p.host_name = h.name
    group by h.name order by ratio desc, h.name limit ${limit}`.execute(tx);
  return rows.map(({ name, ratio }) => ({ name, ratio }));
}
