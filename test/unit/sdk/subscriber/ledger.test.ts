/** Both ledgers by one suite, and what only the one in PostgreSQL can promise. */
import { randomUUID } from "node:crypto";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { milliseconds, timestamp } from "@shoal/shared/base/time.ts";
import { memoryLedger, postgresLedger, type BusMessage, type Ledger } from "@shoal/subscriber/index.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 4 });
  pool.on("error", () => undefined);
  await pool.query("create table effects (id uuid not null)");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const message = (more: Partial<BusMessage> = {}): BusMessage => ({
  id: randomUUID(),
  schemaVersion: "0.1",
  at: timestamp(0),
  payload: {},
  processorId: "prc",
  eventType: "count",
  epoch: undefined,
  sequence: undefined,
  geohash: undefined,
  routingKey: "prc.count",
  attempt: 1,
  ...more,
});
const nothing = (): Promise<void> => Promise.resolve();
const fresh = (): string => `s-${randomUUID()}`;

const ledgers: readonly (readonly [string, () => Ledger<never>])[] = [
  ["memory", () => memoryLedger() as Ledger<never>],
  ["postgres", () => postgresLedger({ pool, subscriber: fresh() }) as unknown as Ledger<never>],
];

describe.each(ledgers)("the ledger in %s", (_, make) => {
  test("does a message once, and again only where it failed", async () => {
    const ledger = make();
    await ledger.prepare();
    const one = message();
    await expect(ledger.once(one, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await ledger.once(one, nothing)).toBe("done");
    expect(await ledger.once(one, () => expect.unreachable())).toBe("seen");
  });

  test("drops lower epochs per processor; an equal one, a retry and one without a number pass", async () => {
    const ledger = make();
    await ledger.prepare();
    const of = (processorId: string, epoch: number | undefined, attempt = 1): Promise<string> =>
      ledger.once(message({ processorId, epoch, attempt }), nothing);
    expect(await of("a", 2)).toBe("done");
    expect(await of("a", 1)).toBe("stale");
    expect(await of("a", 2)).toBe("done");
    expect(await of("b", 1)).toBe("done");
    expect(await of("a", 1, 2)).toBe("done");
    expect(await of("a", undefined)).toBe("done");
    expect(await of("a", 1)).toBe("stale");
  });
});

test("effect and memory are one: a crash before the commit leaves neither", async () => {
  const ledger = postgresLedger({ pool, subscriber: fresh() });
  await ledger.prepare();
  const one = message();
  const effect = "insert into effects (id) values ($1)";
  const crash = ledger.once(one, async (transaction) => {
    await transaction.query(effect, [one.id]);
    await pool.query("select pg_terminate_backend(pid) from pg_stat_activity where pid = $1", [
      (await transaction.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]?.pid,
    ]);
    await transaction.query("select 1");
  });
  await expect(crash).rejects.toBeInstanceOf(Error);
  expect(await ledger.once(one, async (transaction) => void (await transaction.query(effect, [one.id])))).toBe("done");
  const { rowCount } = await pool.query("select from effects where id = $1", [one.id]);
  expect(rowCount).toBe(1);
});

test("two who get the same message at once: one does it, the other waits and sees it", async () => {
  const subscriber = fresh();
  const [a, b] = [postgresLedger({ pool, subscriber }), postgresLedger({ pool, subscriber })];
  await Promise.all([a.prepare(), b.prepare()]);
  const one = message({ epoch: 1 });
  const [entered, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = a.once(one, async () => {
    entered.resolve();
    await release.promise;
  });
  await entered.promise;
  const second = b.once(one, () => expect.unreachable());
  release.resolve();
  expect(await Promise.all([first, second])).toEqual(["done", "seen"]);
});

test("epochs outlive the subscriber's process, subscribers do not share, and old ids are forgotten", async () => {
  const subscriber = fresh();
  const first = postgresLedger({ pool, subscriber });
  await first.prepare();
  const one = message({ epoch: 5 });
  expect(await first.once(one, nothing)).toBe("done");
  const next = postgresLedger({ pool, subscriber, keepFor: milliseconds(0) });
  await next.prepare();
  expect(await next.once(message({ epoch: 4 }), nothing)).toBe("stale");
  expect(await postgresLedger({ pool, subscriber: fresh() }).once(one, nothing)).toBe("done");
  await next.prune();
  expect(await next.once(one, nothing)).toBe("done");
});
