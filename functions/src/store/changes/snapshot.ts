/**
 * Whether anything at all was written since the last look: the text of the present snapshot changes with each transaction
 * that writes and ends. It names no row, so any role may ask, and a reader's own look does not change it.
 */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export async function snapshotText(tx: Tx): Promise<string> {
  const { rows } = await sql<{ snapshot: string }>`select pg_current_snapshot()::text as snapshot`.execute(tx);
  return rows[0]?.snapshot ?? "";
}
