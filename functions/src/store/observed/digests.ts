/**
 * What is listed against what is stored, in buckets: a bucket's digest is the exclusive or of its pods' content hashes, made on
 * both sides. Only buckets whose digests differ are compared pod by pod, so that a complete list of a cluster that looks as it
 * did costs one read of hashes and no upsert.
 */
import { createHash } from "node:crypto";
import { sql } from "kysely";
import { DIGEST_BUCKETS } from "@shoal/shared/decide/reconcile.ts";
import type { Tx } from "../database.ts";

interface Digestible {
  readonly namespace: string;
  readonly name: string;
  /** 32 hex digits. */
  readonly hash: string;
}

/** The first byte of the name's MD5, which PostgreSQL has built in: a spread, not a secret. */
export const BUCKET_SQL = sql`('x' || left(md5(namespace || '/' || name), 2))::bit(8)::int % ${sql.lit(DIGEST_BUCKETS)}`;

function bucketOf({ namespace, name }: Pick<Digestible, "namespace" | "name">): number {
  const first = createHash("md5").update(`${namespace}/${name}`).digest()[0] ?? 0;
  return first % DIGEST_BUCKETS;
}

/** Buckets of `listed` that are not what is stored, with their pods; a bucket that is empty on one side differs too. */
export async function differingBuckets<Pod extends Digestible>(
  tx: Tx,
  clusterId: string,
  listed: readonly Pod[],
): Promise<ReadonlyMap<number, readonly Pod[]>> {
  const buckets = Map.groupBy(listed, bucketOf);
  const stored = await storedDigests(tx, clusterId);
  const differing = new Map<number, readonly Pod[]>();
  for (const bucket of new Set([...buckets.keys(), ...stored.keys()])) {
    const pods = buckets.get(bucket) ?? [];
    const digest = pods.reduce((sum, { hash }) => sum ^ BigInt(`0x${hash}`), 0n);
    if (digest !== stored.get(bucket)) differing.set(bucket, pods);
  }
  return differing;
}

async function storedDigests(tx: Tx, clusterId: string): Promise<ReadonlyMap<number, bigint>> {
  const { rows } = await sql<{ bucket: number; digest: string }>`
    select ${BUCKET_SQL} as bucket, bit_xor(('x' || content_hash)::bit(128))::text as digest
    from observed_pods where cluster_id = ${clusterId} group by 1`.execute(tx);
  return new Map(rows.map(({ bucket, digest }) => [bucket, BigInt(`0b${digest}`)]));
}
