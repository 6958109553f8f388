/**
 * How many events were numbered, ever: the sequence knows, whatever retention has removed. Numbers of transactions that were
 * rolled back are counted too.
 */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export async function eventsEver(tx: Tx): Promise<number> {
  const { rows } = await sql<{ n: string }>`
    select case when is_called then last_value else 0 end as n from events_id_seq`.execute(tx);
  return Number(rows[0]?.n);
}
