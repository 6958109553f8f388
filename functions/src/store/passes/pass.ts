/** Where the last pass of a cluster and shard ended, and where this one ends. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export interface PassState {
  /** Rows that changed in this transaction or a later one have not been looked at. */
  readonly changeCursor: string;
  readonly podsVersion: string | undefined;
  readonly hostsVersion: string | undefined;
  /** Age of the stored cursor. */
  readonly movedMs: number;
  /** Age of the last pass that compared everything; infinite where there was none. */
  readonly fullMs: number;
  /** Oldest transaction that is still running: what committed before it is visible now. */
  readonly xmin: string;
}

export async function readPass(tx: Tx, clusterId: string, shard: number): Promise<PassState> {
  const { rows } = await sql<{
    change_cursor: string | null;
    pods_resource_version: string | null;
    hosts_resource_version: string | null;
    moved_ms: string | null;
    full_ms: string | null;
    xmin: string;
  }>`
    select p.change_cursor, p.pods_resource_version, p.hosts_resource_version,
      extract(epoch from now() - p.cursor_moved_at) * 1000 as moved_ms,
      extract(epoch from now() - p.full_at) * 1000 as full_ms,
      pg_snapshot_xmin(pg_current_snapshot())::text as xmin
    from (select 1) as one left join passes p on p.cluster_id = ${clusterId} and p.shard = ${shard}`.execute(tx);
  const row = rows[0];
  return {
    changeCursor: row?.change_cursor ?? "0",
    podsVersion: row?.pods_resource_version ?? undefined,
    hostsVersion: row?.hosts_resource_version ?? undefined,
    movedMs: row?.moved_ms === null || row?.moved_ms === undefined ? Number.POSITIVE_INFINITY : Number(row.moved_ms),
    fullMs: row?.full_ms === null || row?.full_ms === undefined ? Number.POSITIVE_INFINITY : Number(row.full_ms),
    xmin: row?.xmin ?? "0",
  };
}

export interface PassEnd {
  readonly changeCursor: string;
  readonly podsVersion: string;
  readonly hostsVersion: string;
  /** `compared`: everything was. `doubt`: the next pass has to compare everything. */
  readonly full: "compared" | "doubt" | "unchanged";
}

export async function endPass(tx: Tx, clusterId: string, shard: number, end: PassEnd): Promise<void> {
  const full = { compared: sql`now()`, doubt: sql`null`, unchanged: sql`passes.full_at` }[end.full];
  await sql`
    insert into passes (cluster_id, shard, change_cursor, pods_resource_version, hosts_resource_version, cursor_moved_at, full_at)
    values (${clusterId}, ${shard}, ${end.changeCursor}::xid8, ${end.podsVersion}, ${end.hostsVersion}, now(),
      ${end.full === "compared" ? sql`now()` : sql`null`})
    on conflict (cluster_id, shard) do update set change_cursor = excluded.change_cursor,
      pods_resource_version = excluded.pods_resource_version, hosts_resource_version = excluded.hosts_resource_version,
      cursor_moved_at = now(), full_at = ${full}`.execute(tx);
}
