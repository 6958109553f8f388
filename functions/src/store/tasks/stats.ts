/**
 * How much waits and how long the oldest has waited: for metrics and alerts. It counts every row, so keep
 * the answer for a while.
 */
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Statements } from "./statements.ts";

const STATS = `select
  count(*) filter (where lease_until is null and run_at <= now()) as due,
  count(*) filter (where lease_until is null and run_at > now()) as later,
  count(*) filter (where lease_until is not null) as leased,
  count(*) filter (where attempts > 0) as failing,
  coalesce(extract(epoch from now() - min(run_at) filter (where run_at <= now() and lease_until is null)) * 1000, 0) as oldest_ms
  from tasks`;

export interface TaskStats {
  readonly due: number;
  readonly later: number;
  readonly leased: number;
  /** Whose last try failed. */
  readonly failing: number;
  /** How long the oldest due task has waited; 0 where none waits. */
  readonly oldestAge: DurationMs;
}

export async function taskStats(database: Statements): Promise<TaskStats> {
  const rows = await database.workerStatement<Record<"due" | "later" | "leased" | "failing" | "oldest_ms", string>>(
    "tasks-stats",
    STATS,
    [],
  );
  const row = rows[0];
  return {
    due: Number(row?.due),
    later: Number(row?.later),
    leased: Number(row?.leased),
    failing: Number(row?.failing),
    oldestAge: milliseconds(Math.round(Number(row?.oldest_ms))),
  };
}
