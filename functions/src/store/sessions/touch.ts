/** Notes that a session was used, to the minute: at most one write a minute, and none on the way of a request. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export async function touchSession(tx: Tx, id: string): Promise<void> {
  await sql`update sessions set last_used_at = now()
    where id = ${id} and (last_used_at is null or last_used_at < now() - interval '1 minute')`.execute(tx);
}
