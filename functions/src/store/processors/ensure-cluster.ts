/** The cluster that this deploy looks after has a row; making it again changes nothing. */
import type { Tx } from "../database.ts";

export async function ensureCluster(tx: Tx, name: string, namespace: string): Promise<void> {
  const there = await tx.selectFrom("clusters").select("id").where("name", "=", name).executeTakeFirst();
  if (there !== undefined) return;
  await tx
    .insertInto("clusters")
    .values({ id: name, name, k8s_namespace: namespace })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
