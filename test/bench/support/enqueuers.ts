/**
 * Ways to make an intent durable together with its wake-up. Ours writes both in one statement, and what arrives while one is
 * under way goes out with the next (`createGroupCommit`); graphile-worker's `addJob` is one statement per call, and its
 * payload is the intent.
 */
import { makeWorkerUtils } from "graphile-worker";
import { Client } from "pg";
import { migrate } from "@shoal/functions/store/migrate.ts";
import { createGroupCommit } from "@shoal/functions/store/tasks/group-commit.ts";
import { wakeStatement } from "@shoal/functions/store/tasks/wake.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { openPool, silent } from "./contestants/graphile.ts";
import { openDatabase } from "./contestants/shoal.ts";

export interface Enqueuer {
  /** Resolves once intent and wake-up are durable. */
  enqueue(job: number): Promise<void>;
  /** Intents and wake-ups that are there. */
  count(): Promise<{ readonly intents: number; readonly wakeUps: number }>;
  close(): Promise<void>;
}

const INTENT = { wish: "a stream processor", replicas: 1, config: { window: "30s", topic: "readings" } };
const INTEND = `with knock as materialized (select 'bench' as kind, job::text as key, null::text as organisation_id,
      1::bigint as generation, 0::bigint as after_ms, null::text as trace_id from unnest($1::bigint[]) as job),
    intended as (insert into intents (job, body) select u.job, u.body from unnest($1::bigint[], $2::jsonb[]) as u(job, body))
    ${wakeStatement("knock")}`;

export async function shoalEnqueuer(url: string): Promise<Enqueuer> {
  await migrate(url);
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query("create table intents (job bigint primary key, body jsonb not null)");
  await client.query("grant all on intents to shoal_worker");
  const database = openDatabase(url);
  const enqueue = createGroupCommit<number>({
    commit: async (jobs) => {
      const bodies = jobs.map(() => JSON.stringify(INTENT));
      await database.workerStatement("intend", INTEND, [jobs, bodies]);
    },
    maxBatch: 500,
    maxWaiting: 10_000,
    refuse: () => new ShoalError("rate_limited", "too many intents wait"),
  });
  return {
    enqueue,
    count: async () => {
      const { rows } = await client.query<{ intents: number; wakeUps: number }>(
        `select (select count(*)::int from intents) as intents, (select count(*)::int from tasks) as "wakeUps"`,
      );
      return rows[0] ?? { intents: 0, wakeUps: 0 };
    },
    close: async () => {
      await database.close();
      await client.end();
    },
  };
}

export async function graphileEnqueuer(url: string): Promise<Enqueuer> {
  const pool = openPool(url, 10);
  const utils = await makeWorkerUtils({ pgPool: pool, logger: silent });
  await utils.migrate();
  return {
    enqueue: async (job) => void (await utils.addJob("bench", { job, ...INTENT })),
    count: async () => {
      const { rows } = await pool.query<{ n: number }>("select count(*)::int as n from graphile_worker._private_jobs");
      const n = rows[0]?.n ?? 0;
      return { intents: n, wakeUps: n };
    },
    close: async () => {
      await utils.release();
      await pool.end();
    },
  };
}
