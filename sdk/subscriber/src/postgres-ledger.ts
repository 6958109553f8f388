/**
 * A ledger in PostgreSQL. The handler writes its effect through the same transaction, so both are there or neither is; two
 * subscribers that get the same message wait for each other at its row.
 */
import type { Pool, PoolClient } from "pg";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { days, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Ledger, LedgerAnswer } from "./ledger.ts";

export interface PostgresLedgerOptions {
  readonly pool: Pool;
  /** Names the subscriber: several may share one database, and each handles each message. */
  readonly subscriber: string;
  /** How long an id is remembered. */
  readonly keepFor?: DurationMs;
}

const DDL = `
create table if not exists shoal_bus_handled (
  subscriber text not null,
  message_id uuid not null,
  handled_at timestamptz not null default now(),
  primary key (subscriber, message_id)
);
create index if not exists shoal_bus_handled_by_age on shoal_bus_handled (subscriber, handled_at);
create table if not exists shoal_bus_epochs (
  subscriber text not null,
  processor_id text not null,
  epoch bigint not null,
  primary key (subscriber, processor_id)
);`;

/** One round trip. A row that another transaction holds is waited for. An epoch of null is not fenced, and raises nothing. */
const CLAIM = `
with stale as (
  select 1 from shoal_bus_epochs where subscriber = $1 and processor_id = $2 and epoch > $3 and not $5
), raised as (
  insert into shoal_bus_epochs (subscriber, processor_id, epoch)
  select $1, $2, $3 where $3::bigint is not null
  on conflict (subscriber, processor_id) do update set epoch = excluded.epoch
  where shoal_bus_epochs.epoch < excluded.epoch
), claimed as (
  insert into shoal_bus_handled (subscriber, message_id)
  select $1, $4 where not exists (select from stale)
  on conflict do nothing
  returning 1
)
select exists (select from claimed) as claimed, exists (select from stale) as stale`;

/** Two that create the same table at once collide in spite of "if not exists". */
const DDL_LOCK = 7_022_117;

export function postgresLedger({ pool, subscriber, keepFor = days(7) }: PostgresLedgerOptions): Ledger<PoolClient> {
  return {
    prepare: () =>
      inTransaction(pool, async (client) => {
        await client.query("select pg_advisory_xact_lock($1)", [DDL_LOCK]);
        await client.query(DDL);
      }),
    once: (message, work) =>
      inTransaction(pool, async (client): Promise<LedgerAnswer> => {
        const { processorId, epoch, id, attempt } = message;
        const values = [subscriber, processorId, epoch ?? null, id, attempt > 1];
        const { rows } = await client.query<{ claimed: boolean; stale: boolean }>(CLAIM, values);
        if (rows[0]?.claimed === true) {
          await work(client);
          return "done";
        }
        return rows[0]?.stale === true ? "stale" : "seen";
      }),
    prune: async () => {
      const old = "delete from shoal_bus_handled where subscriber = $1 and handled_at < now() - $2 * interval '1 ms'";
      await pool.query(old, [subscriber, keepFor]);
    },
  };
}

async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // A connection that dies in the middle of a handler says so here and in the next query; unheard, it ends the process.
  const hear = (): void => undefined;
  client.on("error", hear);
  try {
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    client.release();
    return result;
  } catch (thrown) {
    // A handler that was given up may still write: its connection ends, and the transaction with it.
    const cause = thrown instanceof Error ? thrown.cause : undefined;
    const givenUp = cause instanceof ShoalError && cause.code === "deadline_exceeded";
    const rolledBack =
      !givenUp &&
      (await client.query("rollback").then(
        () => true,
        () => false,
      ));
    client.release(!rolledBack);
    throw thrown;
  } finally {
    client.off("error", hear);
  }
}
