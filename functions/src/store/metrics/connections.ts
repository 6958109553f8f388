/** Open connections of the functions to this database, idle ones too: whether another login's is busy is not ours to see. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export async function openConnections(tx: Tx): Promise<number> {
  const { rows } = await sql<{ n: string }>`
    select count(*) as n from pg_stat_activity
    where datname = current_database() and application_name like 'shoal-%'`.execute(tx);
  return Number(rows[0]?.n);
}
