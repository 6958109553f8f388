/**
 * Keeps the leases of work that takes longer than they last. Fenced like everything else: a row that was taken over in the
 * meantime is not touched, and is missing from the answer. Still no index is written (see `migrations/0003_work.sql`).
 */
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Statements, Task } from "./statements.ts";

const EXTEND = `update tasks t set lease_until = now() + $3 * interval '1 millisecond'
  from unnest($1::bigint[], $2::int[]) as held(id, fence)
  where t.id = held.id and t.fence = held.fence and t.lease_until is not null
  returning t.id`;

/** Ids of the tasks that are still the caller's. */
export async function extend(
  database: Statements,
  tasks: readonly Task[],
  lease: DurationMs,
): Promise<ReadonlySet<string>> {
  const rows = await database.workerStatement<{ id: string }>("tasks-extend", EXTEND, [
    tasks.map((task) => task.id),
    tasks.map((task) => task.fence),
    lease,
  ]);
  return new Set(rows.map((row) => row.id));
}
