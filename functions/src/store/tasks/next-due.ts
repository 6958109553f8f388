/**
 * When there is something to do again. It is asked when a claim came back empty, so that every row that is due by then is
 * leased, and their number is what workers hold: the first subquery steps over them, the second looks at when their leases
 * end. The bound keeps it cheap should it ever be asked with a backlog.
 */
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Statements } from "./statements.ts";

const NEXT_DUE = `select extract(epoch from least(
    (select run_at from tasks where lease_until is null order by run_at limit 1),
    (select min(lease_until) from
      (select lease_until from tasks where run_at <= now() order by run_at limit 10000) as due)
  ) - now()) * 1000 as ms`;

/** Time until then by the database's clock, 0 where it is now; undefined where nothing waits. */
export async function nextDue(database: Statements): Promise<DurationMs | undefined> {
  const rows = await database.workerStatement<{ ms: string | null }>("tasks-next-due", NEXT_DUE, []);
  const ms = rows[0]?.ms;
  return ms === null || ms === undefined ? undefined : milliseconds(Math.max(0, Math.ceil(Number(ms))));
}
