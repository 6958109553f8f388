/** What was seen of pods, one row each. A pod that looks as it did costs no write. */
import { sql } from "kysely";
import { contentHash } from "@shoal/shared/base/content-hash.ts";
import type { ObservedPod } from "@shoal/shared/ports/pods.ts";
import type { Tx } from "../database.ts";

const hashOf = (pod: ObservedPod): string => contentHash(pod);

/** Processors whose pods have changed. */
export async function keepPods(tx: Tx, clusterId: string, pods: readonly ObservedPod[]): Promise<ReadonlySet<string>> {
  if (pods.length === 0) return new Set();
  const rows = pods.map((pod) => ({
    ...pod,
    podIp: pod.podIp ?? null,
    hostName: pod.hostName ?? null,
    hash: hashOf(pod),
  }));
  const written = await sql<{ processor_id: string }>`
    insert into observed_pods as o (cluster_id, namespace, name, uid, processor_id, epoch, spec_hash, phase, ready,
      deleting, restarts, reason, message, pod_ip, host_name, content_hash)
    select ${clusterId}, namespace, name, uid, "processorId", epoch, "specHash", phase, ready, deleting, restarts, reason,
      message, "podIp", "hostName", hash
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(namespace text, name text, uid text, "processorId" text,
      epoch bigint, "specHash" text, phase text, ready boolean, deleting boolean, restarts int, reason text, message text,
      "podIp" text, "hostName" text, hash text)
    on conflict (cluster_id, namespace, name) do update set uid = excluded.uid, processor_id = excluded.processor_id,
      epoch = excluded.epoch, spec_hash = excluded.spec_hash, phase = excluded.phase, ready = excluded.ready,
      deleting = excluded.deleting, restarts = excluded.restarts, reason = excluded.reason, message = excluded.message,
      pod_ip = excluded.pod_ip, host_name = excluded.host_name, content_hash = excluded.content_hash, seen_at = now()
    where o.content_hash <> excluded.content_hash
    returning o.processor_id`.execute(tx);
  return new Set(written.rows.map((row) => row.processor_id));
}

/** Removes pods by `namespace/name`; returns the processors that they belonged to. */
export async function dropPods(tx: Tx, clusterId: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  if (names.length === 0) return new Set();
  const { rows } = await sql<{ processor_id: string }>`
    delete from observed_pods where cluster_id = ${clusterId} and namespace || '/' || name = any(${names})
    returning processor_id`.execute(tx);
  return new Set(rows.map((row) => row.processor_id));
}

/** Removes what a complete observation did not show. */
export async function dropAllBut(tx: Tx, clusterId: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ processor_id: string }>`
    delete from observed_pods where cluster_id = ${clusterId} and namespace || '/' || name <> all(${names})
    returning processor_id`.execute(tx);
  return new Set(rows.map((row) => row.processor_id));
}

export async function podsOfProcessors(
  tx: Tx,
  clusterId: string,
  processorIds: readonly string[],
): Promise<readonly ObservedPod[]> {
  if (processorIds.length === 0) return [];
  const rows = await tx
    .selectFrom("observed_pods")
    .selectAll()
    .where("cluster_id", "=", clusterId)
    .where("processor_id", "in", [...processorIds])
    .execute();
  return rows.map((row) => ({
    name: row.name,
    namespace: row.namespace,
    uid: row.uid,
    processorId: row.processor_id,
    epoch: Number(row.epoch),
    specHash: row.spec_hash,
    phase: row.phase as ObservedPod["phase"],
    ready: row.ready,
    deleting: row.deleting,
    restarts: row.restarts,
    reason: row.reason,
    message: row.message,
    podIp: row.pod_ip ?? undefined,
    hostName: row.host_name ?? undefined,
  }));
}

export async function countPods(tx: Tx, clusterId: string): Promise<number> {
  const { n } = await tx
    .selectFrom("observed_pods")
    .select((is) => is.fn.countAll<string>().as("n"))
    .where("cluster_id", "=", clusterId)
    .executeTakeFirstOrThrow();
  return Number(n);
}
