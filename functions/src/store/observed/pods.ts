/** What was seen of pods, one row each. A pod that looks as it did costs no write. */
import { sql } from "kysely";
import { contentHash } from "@shoal/shared/base/content-hash.ts";
import type { ObservedPod } from "@shoal/shared/ports/pods.ts";
import type { Tx } from "../database.ts";
import { BUCKET_SQL, differingBuckets } from "./digests.ts";

/** Pods that travel in one statement: what they weigh as JSON stays below a few megabytes. */
const PORTION = 5000;

interface Hashed {
  readonly pod: ObservedPod;
  readonly namespace: string;
  readonly name: string;
  readonly hash: string;
}

const hashed = (pod: ObservedPod): Hashed => ({
  pod,
  namespace: pod.namespace,
  name: pod.name,
  hash: contentHash(pod),
});

/** Processors whose pods have changed. */
export async function keepPods(tx: Tx, clusterId: string, pods: readonly ObservedPod[]): Promise<ReadonlySet<string>> {
  return keepHashed(tx, clusterId, pods.map(hashed));
}

/** Takes a complete list over: what is not in it is removed. Processors whose pods have changed or are gone. */
export async function keepAll(tx: Tx, clusterId: string, pods: readonly ObservedPod[]): Promise<ReadonlySet<string>> {
  const differing = await differingBuckets(tx, clusterId, pods.map(hashed));
  if (differing.size === 0) return new Set();
  const listed = [...differing.values()].flat();
  const kept = await keepHashed(tx, clusterId, listed);
  const gone = await sql<{ processor_id: string }>`
    delete from observed_pods where cluster_id = ${clusterId} and ${BUCKET_SQL} = any(${[...differing.keys()]}::int[])
      and not exists (select from unnest(${listed.map((one) => one.namespace)}::text[],
          ${listed.map((one) => one.name)}::text[]) as l(namespace, name)
        where l.namespace = observed_pods.namespace and l.name = observed_pods.name)
    returning processor_id`.execute(tx);
  return new Set([...kept, ...gone.rows.map((row) => row.processor_id)]);
}

async function keepHashed(tx: Tx, clusterId: string, pods: readonly Hashed[]): Promise<ReadonlySet<string>> {
  const processorIds = new Set<string>();
  for (let from = 0; from < pods.length; from += PORTION) {
    const portion = pods.slice(from, from + PORTION);
    for (const id of await keepPortion(tx, clusterId, portion)) processorIds.add(id);
  }
  return processorIds;
}

async function keepPortion(tx: Tx, clusterId: string, pods: readonly Hashed[]): Promise<readonly string[]> {
  const rows = pods.map(({ pod, hash }) => ({
    ...pod,
    podIp: pod.podIp ?? null,
    hostName: pod.hostName ?? null,
    hash,
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
  return written.rows.map((row) => row.processor_id);
}

/** Removes pods by `namespace/name`; returns the processors that they belonged to. */
export async function dropPods(tx: Tx, clusterId: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  if (names.length === 0) return new Set();
  // Taken apart, so that each is found by the table's key.
  const { rows } = await sql<{ processor_id: string }>`
    delete from observed_pods o using
      (select split_part(n, '/', 1) as namespace, split_part(n, '/', 2) as name from unnest(${names}::text[]) as n) as gone
    where o.cluster_id = ${clusterId} and o.namespace = gone.namespace and o.name = gone.name
    returning o.processor_id`.execute(tx);
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
    // One array: a list of parameters ends at 65,535.
    .where(sql<boolean>`processor_id = any(${processorIds})`)
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
