/** Which migrations the database has: name to checksum. Answering at all shows that it takes transactions of ours. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export async function appliedMigrations(tx: Tx): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ name: string; checksum: string }>`
    select name, checksum from schema_migrations`.execute(tx);
  return new Map(rows.map((row) => [row.name, row.checksum]));
}
