/**
 * Processors that somebody ought to look at and nobody will: their knock was lost, or never made. It is the outbox's sweep and
 * every stage's watchdog. The condition of the index `processors_unsettled` is repeated word for word, so that it is used.
 */
import type { Statements } from "./statements.ts";

const SWEEP = `insert into tasks (kind, key, organisation_id, generation)
  select 'processor', p.id, p.organisation_id, p.generation from processors p
  where p.terminated_at is null and p.stage not in ('running', 'failed') and p.stage_since < now() - interval '30 seconds'
    and not exists (select from tasks t where t.kind = 'processor' and t.key = p.id)
  order by p.stage_since limit $1
  on conflict (kind, key) do nothing returning key`;

/** Ids of those that were knocked at. */
export async function sweepUnsettled(database: Statements, limit: number): Promise<readonly string[]> {
  const rows = await database.workerStatement<{ key: string }>("tasks-sweep", SWEEP, [limit]);
  return rows.map((row) => row.key);
}
