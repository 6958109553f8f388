/** Where a processor may go: a cluster by id or name, the oldest where none is named; and the sensor it serves. */
import type { Tx } from "../database.ts";

export interface ClusterRow {
  readonly id: string;
  readonly k8s_namespace: string;
}

export async function findCluster(tx: Tx, idOrName: string | undefined): Promise<ClusterRow | undefined> {
  let query = tx.selectFrom("clusters").select(["id", "k8s_namespace"]);
  if (idOrName !== undefined) query = query.where((is) => is.or([is("id", "=", idOrName), is("name", "=", idOrName)]));
  return query.orderBy("created_at").orderBy("id").limit(1).executeTakeFirst();
}

export async function sensorExists(tx: Tx, id: string): Promise<boolean> {
  return (await tx.selectFrom("sensors").select("id").where("id", "=", id).executeTakeFirst()) !== undefined;
}
