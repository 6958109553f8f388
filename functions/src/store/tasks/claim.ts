/**
 * Leases a batch of due work, oldest first. `skip locked` keeps workers out of each other's way; the raised fence makes the
 * row's earlier holder, should it come back, unable to complete. Rows whose lease ran out stand at the head of the same
 * index range, so there is no second statement for them. The locked rows are updated by `ctid`: they cannot move while they
 * are locked, and the lookup by key is saved. One that moved between the snapshot and the lock is left for the next claim.
 */
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Statements, Task } from "./statements.ts";

const CLAIM = `update tasks set lease_until = now() + $2 * interval '1 millisecond', fence = fence + 1, woken = false
  where ctid = any(array(
    select ctid from tasks where run_at <= now() and (lease_until is null or lease_until < now())
    order by run_at limit $1 for update skip locked))
  returning id, kind, key, organisation_id, generation, attempts, fence, trace_id`;

interface Row {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly organisation_id: string | null;
  readonly generation: string;
  readonly attempts: number;
  readonly fence: number;
  readonly trace_id: string | null;
}

/** At most `limit` tasks, leased to the caller for `lease` by the database's clock. */
export async function claim(database: Statements, limit: number, lease: DurationMs): Promise<readonly Task[]> {
  const rows = await database.workerStatement<Row>("tasks-claim", CLAIM, [limit, lease]);
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    key: row.key,
    organisationId: row.organisation_id ?? undefined,
    generation: Number(row.generation),
    attempts: row.attempts,
    fence: row.fence,
    traceId: row.trace_id ?? undefined,
  }));
}
