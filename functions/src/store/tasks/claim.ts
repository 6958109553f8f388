/**
 * Leases a batch of due work. `skip locked` keeps workers out of each other's way; the raised fence makes the row's earlier
 * holder, should it come back, unable to complete. Rows whose lease ran out are put back by `RECLAIM`, a statement of its
 * own, so that the hot one has a single index range to walk and costs the same whatever the backlog.
 */
export const CLAIM = `update tasks set state = 1, fence = fence + 1, woken = false, lease_until = now() + $2 * interval '1 millisecond'
  where id = any(array(
    select id from tasks where state = 0 and run_at <= now() order by run_at, id limit $1 for update skip locked))
  returning id, kind, key, organisation_id, generation, attempts, fence, trace_id, created_at`;

export const RECLAIM = `update tasks set state = 0, run_at = now(), lease_until = null
  where id = any(array(
    select id from tasks where state = 1 and lease_until < now() order by lease_until limit 1000 for update skip locked))
  returning id`;

/** Keeps the leases of work that takes longer; a row that was taken over in the meantime is not touched. */
export const EXTEND = `update tasks set lease_until = now() + $3 * interval '1 millisecond'
  from unnest($1::bigint[], $2::int[]) as held(id, fence)
  where tasks.id = held.id and tasks.fence = held.fence and tasks.state = 1
  returning tasks.id`;

/** Milliseconds until something is due (0 or less: now), or no row where nothing waits. Leases count: they may run out. */
export const NEXT_DUE = `select min(ms) as ms from (
  (select extract(epoch from run_at - now()) * 1000 as ms from tasks where state = 0 order by run_at limit 1)
  union all
  (select extract(epoch from lease_until - now()) * 1000 as ms from tasks where state = 1 order by lease_until limit 1)) as due`;

/** How much waits, and how long the oldest has waited. */
export const STATS = `select
  count(*) filter (where state = 0 and run_at <= now()) as due,
  count(*) filter (where state = 0 and run_at > now()) as later,
  count(*) filter (where state = 1) as leased,
  coalesce(extract(epoch from now() - min(run_at) filter (where state = 0 and run_at <= now())), 0) as oldest_seconds
  from tasks`;

export interface ClaimedRow {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly organisation_id: string | null;
  readonly generation: string;
  readonly attempts: number;
  readonly fence: number;
  readonly trace_id: string | null;
  readonly created_at: Date;
}
