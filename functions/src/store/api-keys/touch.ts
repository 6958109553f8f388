/** Notes that an API key was used, to the minute: at most one write a minute, and none on the way of a request. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export async function touchApiKey(tx: Tx, id: string): Promise<void> {
  await sql`update api_keys set last_used_at = now()
    where id = ${id} and (last_used_at is null or last_used_at < now() - interval '1 minute')`.execute(tx);
}
