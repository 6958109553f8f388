/**
 * The database, entered by role. Every transaction says first who it is: `asTenant` sees one organisation's rows (row level
 * security, forced), `asAccounts` only accounts, `asWorker` what the machinery works on. `begin`, the choice of role and the
 * tenant travel in one round trip. A login has no rights of its own (`noinherit`), so a forgotten role sees nothing.
 *
 * There is no circuit breaker: the pool, the wait for a connection and each statement are bounded, which is what one is for.
 */
import { Pool } from "pg";
import type { Kysely, Transaction } from "kysely";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { fromPostgres, isRetryable } from "./errors.ts";
import type { Schema } from "./schema.ts";
import { kyselyBeginningWith } from "./transaction.ts";

export type Tx = Transaction<Schema>;

export interface DatabaseOptions {
  readonly url: string;
  readonly log: Log;
  readonly applicationName: string;
  /** Of each of the two pools (transactions, `workerStatement`); a pool that nobody uses opens no connection. */
  readonly maxConnections: number;
  /** Longest a single statement may run. */
  readonly statementTimeoutMs: number;
  /** Longest to wait for a connection, 5 s unless given. */
  readonly connectTimeoutMs?: number;
  /** A transaction that sits idle for this long is ended by the server, 60 s unless given. */
  readonly idleInTransactionTimeoutMs?: number;
}

export interface TransactionOptions {
  /** `false` where `work` has effects besides the transaction's and must not be run again. */
  readonly retry?: boolean;
}

/** Errors: `unavailable` where the database cannot be reached or did not answer in time; anything else as `pg` threw it. */
export interface Database {
  /** One transaction that sees the rows of `organisationId` alone. Serialization failures and deadlocks run it again, up to 3 times. */
  asTenant<T>(organisationId: string, work: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  asAccounts<T>(work: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  asWorker<T>(work: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * One statement as worker, planned once per connection (`name`, at most 63 characters, identifies it). For the engine's
   * hot statements: no transaction block, the role is the connection's own. A deadlock runs it again.
   */
  workerStatement<Row extends object>(name: string, text: string, values: readonly unknown[]): Promise<readonly Row[]>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The worker's statements touch few rows by key, in tables that grow and shrink faster than their statistics are taken: one
 * plan for good, by index, instead of one that was right for the size that a queue had a minute ago.
 */
const WORKER_SETTINGS = "-c role=shoal_worker -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off";
const RETRIES = 3;
const ORGANISATION_ID = /^org-[a-z0-9]{20}$/;

export function createDatabase(options: DatabaseOptions): Database {
  const pool = createPool(options);
  const workerPool = createPool(options, WORKER_SETTINGS);
  const accounts = kyselyBeginningWith(pool, "begin; set local role shoal_accounts");
  const worker = kyselyBeginningWith(pool, "begin; set local role shoal_worker");
  const tenant = (organisationId: string): Kysely<Schema> => {
    // The id is put into the statement's text (`set` takes no parameters), so its shape is checked right here.
    if (!ORGANISATION_ID.test(organisationId)) throw new ShoalError("internal", "not an organisation id");
    const begin = `begin; set local role shoal_tenant; set local shoal.organisation_id = '${organisationId}'`;
    return kyselyBeginningWith(pool, begin);
  };
  const run = <T>(kysely: Kysely<Schema>, work: (tx: Tx) => Promise<T>, retry = true): Promise<T> =>
    attempting(retry ? RETRIES : 0, () => kysely.transaction().execute(work));

  return {
    asTenant: async (organisationId, work, how) => run(tenant(organisationId), work, how?.retry),
    asAccounts: (work, how) => run(accounts, work, how?.retry),
    asWorker: (work, how) => run(worker, work, how?.retry),
    workerStatement: <Row extends object>(
      name: string,
      text: string,
      values: readonly unknown[],
    ): Promise<readonly Row[]> =>
      attempting(RETRIES, async () => (await workerPool.query<Row>({ name, text, values: [...values] })).rows),
    ping: () => attempting(0, async () => void (await pool.query("select 1"))),
    close: async () => {
      await Promise.all([pool.end(), workerPool.end()]);
    },
  };
}

/** Runs `work` again after what left no trace, at most `retries` times, and hands on what it throws in our codes. */
async function attempting<T>(retries: number, work: () => Promise<T>): Promise<T> {
  for (let left = retries; ; left--) {
    try {
      return await work();
    } catch (thrown) {
      if (left > 0 && isRetryable(thrown)) continue;
      throw fromPostgres(thrown);
    }
  }
}

function createPool(options: DatabaseOptions, startupOptions?: string): Pool {
  const pool = new Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.maxConnections,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
    idleTimeoutMillis: 30_000,
    statement_timeout: options.statementTimeoutMs,
    // The server's own time-out does not help where the server is gone without a word.
    query_timeout: options.statementTimeoutMs + 5000,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 60_000,
    keepAlive: true,
    ...(startupOptions === undefined ? {} : { options: startupOptions }),
  });
  // A connection that the server closes must not end the process, idle or lent; the next query takes a new one.
  pool.on("connect", (client) => client.on("error", () => undefined));
  pool.on("error", (thrown) => options.log.warn({ err: thrown }, "an idle database connection was lost"));
  return pool;
}
