/**
 * Knocks: "look at this". One row for each (kind, key), so that any number of knocks before the next look cost one look.
 * A row that is due already is not written again (the `where` on the conflict), a leased one is marked `woken`, which makes
 * it due again when its present holder completes: no knock is lost between reading and completing.
 */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export interface Knock {
  readonly kind: string;
  readonly key: string;
  readonly organisationId: string | null;
  readonly generation: number;
  readonly traceId: string | null;
  /** Milliseconds from now, by the database's clock. */
  readonly afterMs?: number;
}

/** The statement shared by single knocks, bulk knocks and the engine's own effect; `source` yields the knocks' columns. */
export function wakeStatement(source: string): string {
  return `insert into tasks (kind, key, organisation_id, generation, run_at, trace_id)
    select kind, key, organisation_id, generation, now() + after_ms * interval '1 millisecond', trace_id from ${source}
    on conflict (kind, key) do update set
      generation = greatest(tasks.generation, excluded.generation),
      run_at = case when tasks.state = 0 then least(tasks.run_at, excluded.run_at) else tasks.run_at end,
      woken = tasks.woken or tasks.state = 1,
      trace_id = coalesce(excluded.trace_id, tasks.trace_id)
    where (tasks.state = 1 and not tasks.woken) or tasks.generation < excluded.generation
      or (tasks.state = 0 and tasks.run_at > excluded.run_at)`;
}

const BULK = wakeStatement(`(select distinct on (kind, key) * from
  jsonb_to_recordset($1::jsonb) as knock(kind text, key text, organisation_id text, generation bigint, after_ms int, trace_id text)
  order by kind, key) as knocks`);

/** Text and value of the bulk statement, for callers that are not inside a kysely transaction. */
export function wakeQuery(knocks: readonly Knock[]): { text: string; values: [string] } {
  const rows = knocks.map((knock) => ({
    kind: knock.kind,
    key: knock.key,
    organisation_id: knock.organisationId,
    generation: knock.generation,
    after_ms: knock.afterMs ?? 0,
    trace_id: knock.traceId,
  }));
  return { text: BULK, values: [JSON.stringify(rows)] };
}

/** Knocks within a transaction: they commit with the intent that they announce. */
export async function wake(tx: Tx, knocks: readonly Knock[]): Promise<void> {
  if (knocks.length === 0) return;
  const [head, tail] = BULK.split("$1");
  await sql`${sql.raw(head ?? "")}${wakeQuery(knocks).values[0]}${sql.raw(tail ?? "")}`.execute(tx);
}
