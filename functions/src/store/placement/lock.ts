/** Placement of one cluster is decided by one transaction at a time: two that read the same free capacity would both take it. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

/** Any constant will do; it only has to be the same everywhere. */
const SPACE = 7_405_102;

/** Waits for the lock, which the transaction's end gives back. */
export async function lockPlacement(tx: Tx, clusterId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${SPACE}, hashtext(${clusterId}))`.execute(tx);
}
