/**
 * Knocks: "look at this". One row for each (kind, key), so that any number of knocks before the next look cost one look. A
 * row that is due already is not written again (the `where` on the conflict), a leased one is marked `woken`, which makes it
 * due again when its present holder completes: no knock is lost between reading and completing. Knocks are sorted and
 * merged first: two transactions that knock at the same doors take their locks in the same order, and one statement may
 * meet a row only once.
 */
import { sql } from "kysely";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Tx } from "../database.ts";
import type { Statements } from "./statements.ts";

export interface Knock {
  readonly kind: string;
  readonly key: string;
  readonly organisationId?: string | undefined;
  /** Of the intent that changed; 0 where there is none. */
  readonly generation?: number | undefined;
  /** From now, by the database's clock; at once unless given. */
  readonly after?: DurationMs | undefined;
  readonly traceId?: string | undefined;
}

/** Upserts the knocks that `source` yields: kind, key, organisation_id, generation, after_ms, trace_id. */
export function wakeStatement(source: string): string {
  return `insert into tasks (kind, key, organisation_id, generation, run_at, trace_id)
    select kind, key, max(organisation_id), max(generation), now() + min(after_ms) * interval '1 millisecond', max(trace_id)
    from ${source} group by kind, key order by kind, key
    on conflict (kind, key) do update set
      generation = greatest(tasks.generation, excluded.generation),
      run_at = case when tasks.lease_until is null then least(tasks.run_at, excluded.run_at) else tasks.run_at end,
      woken = tasks.lease_until is not null,
      trace_id = coalesce(excluded.trace_id, tasks.trace_id)
    where (tasks.lease_until is not null and not tasks.woken) or tasks.generation < excluded.generation
      or (tasks.lease_until is null and tasks.run_at > excluded.run_at)`;
}

const WAKE = wakeStatement(`unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
    as knock(kind, key, organisation_id, generation, after_ms, trace_id)`);

function columnsOf(knocks: readonly Knock[]): readonly (readonly (string | number | null)[])[] {
  return [
    knocks.map((knock) => knock.kind),
    knocks.map((knock) => knock.key),
    knocks.map((knock) => knock.organisationId ?? null),
    knocks.map((knock) => knock.generation ?? 0),
    knocks.map((knock) => knock.after ?? 0),
    knocks.map((knock) => knock.traceId ?? null),
  ];
}

/** Knocks within a transaction: they commit with the intent that they announce. A tenant knocks for itself only. */
export async function wake(tx: Tx, knocks: readonly Knock[]): Promise<void> {
  if (knocks.length === 0) return;
  const columns = columnsOf(knocks);
  const parts = WAKE.split(/\$\d/).map((part) => sql.raw(part));
  const values = columns.map((column) => sql`${column}`);
  await sql
    .join(
      parts.flatMap((part, i) => [part, values[i] ?? sql.raw("")]),
      sql.raw(""),
    )
    .execute(tx);
}

/** The same as a statement of its own, as worker: for knocks that announce no intent of the caller's. */
export async function wakeNow(database: Statements, knocks: readonly Knock[]): Promise<void> {
  if (knocks.length > 0) await database.workerStatement("tasks-wake", WAKE, columnsOf(knocks));
}
