/**
 * Knocks at processors from inside a pass. The row of due work carries the organisation of its processor: a tenant may not
 * touch a row of nobody's, so one without it would refuse the tenant's own knock.
 */
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { wakeStatement } from "./wake.ts";

const [BEFORE = "", AFTER = ""] =
  wakeStatement(`(select 'processor' as kind, p.id as key, p.organisation_id, p.generation,
    0::bigint as after_ms, null::text as trace_id from processors p where p.id = any($1)) as knock`).split("$1");

export async function knockProcessors(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await sql`${sql.raw(BEFORE)}${[...ids]}${sql.raw(AFTER)}`.execute(tx);
}
