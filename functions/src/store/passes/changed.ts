/** Which processors a pass has to look at: those whose rows changed, those whose hosts did, and, now and then, all that differ. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

/** Rows that changed in the transaction of the cursor or a later one. */
export async function changedSince(tx: Tx, clusterId: string, cursor: string): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from processors where change_seq >= ${cursor}::xid8 and cluster_id = ${clusterId}`.execute(tx);
  return rows.map((row) => row.id);
}

/** Processors with pods on these hosts, and those that no host could hold while the hosts were others. */
export async function touchedByHosts(
  tx: Tx,
  clusterId: string,
  hostNames: readonly string[],
): Promise<readonly string[]> {
  if (hostNames.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    select id from processors where cluster_id = ${clusterId} and terminated_at is null and host_name = any(${hostNames})
    union all
    select id from processors where cluster_id = ${clusterId} and terminated_at is null and stage = 'failed'`.execute(
    tx,
  );
  return rows.map((row) => row.id);
}

/**
 * Every processor whose row and observed pods do not agree, found by the database without reading all of them out. Both sides
 * are hashed once: right after a first list the tables have no statistics, and loops over what looks empty take hours.
 */
export async function differing(tx: Tx, clusterId: string): Promise<readonly string[]> {
  await sql`set local enable_nestloop = off`.execute(tx);
  const { rows } = await sql<{ id: string }>`
    select p.id from processors p
      left join observed_pods o on o.cluster_id = p.cluster_id and o.processor_id = p.id and o.epoch = p.epoch
    where p.cluster_id = ${clusterId} and p.terminated_at is null and p.stage in ('ready', 'running', 'stop', 'delete')
      and (p.deletion_requested_at is not null or p.observed_generation <> p.generation or o.name is null
        or o.uid is distinct from p.pod_uid or o.spec_hash is distinct from p.spec_hash
        or o.ready is distinct from (p.health_status = 'healthy') or o.host_name is distinct from p.host_name)
    union
    select o.processor_id from observed_pods o left join processors p on p.id = o.processor_id
    where o.cluster_id = ${clusterId} and (p.id is null or p.terminated_at is not null or o.epoch <> p.epoch)`.execute(
    tx,
  );
  await sql`set local enable_nestloop = on`.execute(tx);
  return rows.map((row) => row.id);
}
