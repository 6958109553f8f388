/**
 * The lease of a pass: an advisory lock inside of its transaction. Whoever has it is the only one at this cluster and shard; a
 * pass that hangs loses its transaction, and with it the lease and every write, by the database's own clock.
 */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

/** Any constant will do; it only has to be the same everywhere. */
const SPACE = 7_405_103;

/** False where another pass is at it. */
export async function leasePass(tx: Tx, clusterId: string, shard: number): Promise<boolean> {
  const { rows } = await sql<{ taken: boolean }>`
    select pg_try_advisory_xact_lock(${SPACE}, hashtext(${`${clusterId}/${shard}`})) as taken`.execute(tx);
  return rows[0]?.taken === true;
}
