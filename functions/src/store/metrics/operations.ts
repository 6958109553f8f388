/** Operations that have not ended, by state, through the index that holds them alone. Those that ended grow without end: not counted. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export interface OpenOperations {
  readonly pending: number;
  readonly running: number;
}

export async function openOperations(tx: Tx): Promise<OpenOperations> {
  const { rows } = await sql<Record<keyof OpenOperations, string>>`
    select count(*) filter (where state = 'pending') as pending, count(*) filter (where state = 'running') as running
    from operations where state in ('pending', 'running')`.execute(tx);
  return { pending: Number(rows[0]?.pending), running: Number(rows[0]?.running) };
}
