/**
 * How long ago passes wrote down that they had looked. A pass that finds nothing writes nothing, and each tenth minute one
 * compares everything and says so: the ages grow to ten minutes on a quiet day. What a pass ought to have looked at and did
 * not is younger news: the oldest changed row that lies beyond the cursor, found by the index on `change_seq`.
 */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

interface PassAge {
  readonly cluster: string;
  readonly shard: number;
  /** Since a pass wrote where it ended. */
  readonly seconds: number;
  /** Since a pass compared everything; undefined where none did, or the last one is in doubt. */
  readonly fullSeconds: number | undefined;
  /** How long the oldest changed row has waited to be looked at; 0 where none waits. */
  readonly lagSeconds: number;
}

export interface PassTotals {
  readonly ages: readonly PassAge[];
  /** Clusters that no pass has ever looked at. */
  readonly clustersWithout: number;
}

/** At most `limit` passes, the oldest first, since each becomes labels. */
export async function passTotals(tx: Tx, limit: number): Promise<PassTotals> {
  const { rows } = await sql<{
    cluster: string;
    shard: number | null;
    seconds: number | null;
    full_seconds: number | null;
    lag_seconds: number;
  }>`
    select c.name as cluster, p.shard,
      extract(epoch from now() - greatest(p.cursor_moved_at, p.full_at))::float8 as seconds,
      extract(epoch from now() - p.full_at)::float8 as full_seconds,
      coalesce(extract(epoch from now() - (select min(r.updated_at) from processors r
        where r.cluster_id = p.cluster_id and r.change_seq >= p.change_cursor)), 0)::float8 as lag_seconds
    from clusters c left join passes p on p.cluster_id = c.id
    order by seconds desc nulls last, c.name, p.shard limit ${limit}`.execute(tx);
  const ages = rows.flatMap((row) =>
    row.shard === null || row.seconds === null
      ? []
      : {
          cluster: row.cluster,
          shard: row.shard,
          seconds: Math.max(0, row.seconds),
          fullSeconds: row.full_seconds === null ? undefined : Math.max(0, row.full_seconds),
          lagSeconds: Math.max(0, row.lag_seconds),
        },
  );
  return { ages, clustersWithout: rows.length - ages.length };
}
