/** What was seen of hosts, one row each. A host that looks as it did costs no write. */
import { sql } from "kysely";
import { contentHash } from "@shoal/shared/base/content-hash.ts";
import { isDraining, type Taint } from "@shoal/shared/model/host.ts";
import type { ObservedHost } from "@shoal/shared/ports/pods.ts";
import type { Tx } from "../database.ts";

/** Names of the hosts that have changed. */
export async function keepHosts(
  tx: Tx,
  clusterId: string,
  hosts: readonly ObservedHost[],
): Promise<ReadonlySet<string>> {
  if (hosts.length === 0) return new Set();
  const rows = hosts.map((host) => ({ ...host, readyChangedAt: host.readyChangedAt ?? null, hash: contentHash(host) }));
  const written = await sql<{ name: string }>`
    insert into hosts as h (cluster_id, name, uid, ready, ready_changed_at, cordoned, zone, labels, taints, cpu_milli,
      memory_mib, pods, gpu, content_hash)
    select ${clusterId}, name, uid, ready, "readyChangedAt", cordoned, zone, labels, taints, "cpuMilli", "memoryMiB", pods,
      gpu, hash
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(name text, uid text, ready boolean,
      "readyChangedAt" timestamptz, cordoned boolean, zone text, labels jsonb, taints jsonb, "cpuMilli" int,
      "memoryMiB" int, pods int, gpu int, hash text)
    on conflict (cluster_id, name) do update set uid = excluded.uid, ready = excluded.ready,
      ready_changed_at = excluded.ready_changed_at, cordoned = excluded.cordoned, zone = excluded.zone,
      labels = excluded.labels, taints = excluded.taints, cpu_milli = excluded.cpu_milli, memory_mib = excluded.memory_mib,
      pods = excluded.pods, gpu = excluded.gpu, content_hash = excluded.content_hash, seen_at = now()
    where h.content_hash <> excluded.content_hash
    returning h.name`.execute(tx);
  return new Set(written.rows.map((row) => row.name));
}

export async function dropHosts(tx: Tx, clusterId: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  if (names.length === 0) return new Set();
  const { rows } = await sql<{ name: string }>`
    delete from hosts where cluster_id = ${clusterId} and name = any(${names}) returning name`.execute(tx);
  return new Set(rows.map((row) => row.name));
}

/** Removes what a complete observation did not show. */
export async function dropHostsBut(tx: Tx, clusterId: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ name: string }>`
    delete from hosts where cluster_id = ${clusterId} and name <> all(${names}) returning name`.execute(tx);
  return new Set(rows.map((row) => row.name));
}

/** Hosts that are being emptied. */
export async function drainingHosts(tx: Tx, clusterId: string): Promise<ReadonlySet<string>> {
  const rows = await tx
    .selectFrom("hosts")
    .select(["name", "cordoned", "taints"])
    .where("cluster_id", "=", clusterId)
    .where((is) => is.or([is("cordoned", "=", true), is("taints", "<>", JSON.stringify([]))]))
    .execute();
  const draining = rows.filter((row) => isDraining({ cordoned: row.cordoned, taints: row.taints as readonly Taint[] }));
  return new Set(draining.map((row) => row.name));
}
