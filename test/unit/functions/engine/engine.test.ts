import { fork } from "node:child_process";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createEngine, type RunResult } from "@shoal/functions/dispatcher/engine/engine.ts";
import { each, type Handled } from "@shoal/functions/dispatcher/engine/handler.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { createDatabase, type Database } from "@shoal/functions/store/database.ts";
import { PRODUCTION_EFFECTS } from "@shoal/functions/store/tasks/effects/index.ts";
import type { Statements, Task } from "@shoal/functions/store/tasks/statements.ts";
import { wakeNow } from "@shoal/functions/store/tasks/wake.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { eventually, systemClock } from "../../../support/clock.ts";
import { startCuttingProxy } from "../../../support/cutting-proxy.ts";
import { EFFECT_KIND, effectOf, EFFECTS_TABLE } from "../../../support/effects.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

let db: TestDatabase;
let database: Database;
beforeAll(async () => {
  db = await testDatabase();
  database = db.open();
  await db.sql.query(EFFECTS_TABLE);
});
beforeEach(() => db.sql.query("truncate tasks, effects"));
afterAll(() => db.drop());

const knock = (keys: readonly string[], afterMs = 0): Promise<void> =>
  wakeNow(
    database,
    keys.map((key) => ({ kind: "k", key, generation: 1, after: milliseconds(afterMs) })),
  );

const engineOf = (
  handle: (task: Task) => Promise<Handled> | Handled,
  leaseMs = 10_000,
  through: Statements = database,
): ReturnType<typeof createEngine> =>
  createEngine({
    database: through,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    handlers: { k: each(handle) },
    effects: [...PRODUCTION_EFFECTS, EFFECT_KIND],
    batchSize: 100,
    concurrency: 200,
    leaseMs: milliseconds(leaseMs),
  });

const RUN = { deadlineMs: seconds(20) };
const NOTHING: RunResult = {
  claimed: 0,
  done: 0,
  requeued: 0,
  retried: 0,
  failed: 0,
  released: 0,
  voided: 0,
  lost: 0,
  nextDueAt: undefined,
};
const effects = async (): Promise<string[]> =>
  (await db.sql.query<{ job: string }>("select job from effects order by job")).rows.map((row) => row.job);
const left = async (): Promise<number> =>
  (await db.sql.query<{ n: number }>("select count(*)::int as n from tasks")).rows[0]?.n ?? -1;
const done = (task: Task): Handled => ({ outcome: { kind: "done" }, effects: [effectOf(task.key)] });

describe("the engine", () => {
  it("runs what is due once each and leaves nothing behind", async () => {
    const keys = Array.from({ length: 1000 }, (_, i) => `j${String(i).padStart(4, "0")}`);
    await knock(keys);
    const result = await engineOf(done).runUntilIdle(RUN);
    expect(result).toEqual({ ...NOTHING, claimed: 1000, done: 1000 });
    expect(await effects()).toEqual(keys);
    expect(await left()).toBe(0);
  });

  it("looks once for any number of knocks, and again for a knock while it looks", async () => {
    await knock(["a", "a", "a"]);
    await knock(["a"]);
    let runs = 0;
    await engineOf(async (task) => {
      runs += 1;
      if (runs === 1) await knock([task.key]);
      return { outcome: { kind: "done" }, effects: [] };
    }).runUntilIdle(RUN);
    expect(runs).toBe(2);
    expect(await left()).toBe(0);
  });

  it("comes back later for requeue, with growing delays for retry, and never for failed", async () => {
    await knock(["requeue", "retry", "failed"]);
    const engine = engineOf((task) => {
      if (task.key === "requeue") return { outcome: { kind: "requeue", after: seconds(60) }, effects: [] };
      if (task.key === "failed") return { outcome: { kind: "failed", code: "x" }, effects: [effectOf("failed")] };
      throw new Error("poison");
    });
    await engine.runUntilIdle(RUN);
    const { rows } = await db.sql.query(
      "select key, attempts, last_error, lease_until is not null as leased, run_at > now() as later from tasks order by key",
    );
    expect(rows).toEqual([
      { key: "requeue", attempts: 0, last_error: null, leased: false, later: true },
      { key: "retry", attempts: 1, last_error: "poison", leased: false, later: true },
    ]);
    expect(await effects()).toEqual(["failed"]);
  });

  it("does not let a slow task hold back the others", async () => {
    await knock(["fast-1", "fast-2", "slow"]);
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const run = engineOf(async (task) => {
      if (task.key === "slow") await gate;
      return done(task);
    }).runUntilIdle(RUN);
    await eventually(
      async () => ((await effects()).length === 2 ? true : undefined),
      "fast tasks complete while the slow one runs",
    );
    release();
    await run;
    expect(await effects()).toEqual(["fast-1", "fast-2", "slow"]);
  });

  it("keeps the lease of a task that outlasts it", async () => {
    await knock(["long"]);
    let runs = 0;
    const handler = async (task: Task): Promise<Handled> => {
      runs += 1;
      await systemClock.sleep(milliseconds(1500));
      return done(task);
    };
    const first = engineOf(handler, 600).runUntilIdle(RUN);
    await systemClock.sleep(milliseconds(900));
    await engineOf(handler, 600).runUntilIdle(RUN);
    await first;
    expect(runs).toBe(1);
    expect(await effects()).toEqual(["long"]);
  });

  it("leaves no trace of a worker that comes back after its lease", async () => {
    await knock(["zombie"]);
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const claimed = Promise.withResolvers<void>();
    const zombie = engineOf(async () => {
      claimed.resolve();
      await gate;
      return { outcome: { kind: "done" }, effects: [effectOf("from the dead")] };
    }).runUntilIdle(RUN);
    await claimed.promise;
    await db.sql.query("update tasks set lease_until = now() - interval '1 second'");
    await engineOf(done).runUntilIdle(RUN);
    release();
    await zombie;
    expect(await effects()).toEqual(["zombie"]);
  });

  it("has each effect once when the answer to a commit is lost", async () => {
    const keys = Array.from({ length: 50 }, (_, i) => `j${String(i).padStart(2, "0")}`);
    await knock(keys);
    const { hostname, port } = new URL(db.url);
    const proxy = await startCuttingProxy({ host: hostname, port: Number(port) });
    const url = new URL(db.url);
    url.port = String(proxy.port);
    const options = { applicationName: "cut", maxConnections: 3, statementTimeoutMs: 5000, log: silentLog };
    const behind = createDatabase({ url: url.href, ...options });
    proxy.cutAfter("insert into effects", 3);
    const result = await engineOf(done, 10_000, behind).runUntilIdle(RUN);
    expect(proxy.cuts).toBeGreaterThan(0);
    expect(result.claimed).toBe(50);
    expect(await effects()).toEqual(keys);
    expect(await left()).toBe(0);
    await behind.close();
    await proxy.close();
  });

  it("never runs a task in two engines", async () => {
    const keys = Array.from({ length: 500 }, (_, i) => `j${i}`);
    await knock(keys);
    await Promise.all([
      engineOf(done).runUntilIdle(RUN),
      engineOf(done).runUntilIdle(RUN),
      engineOf(done).runUntilIdle(RUN),
    ]);
    expect((await effects()).sort()).toEqual([...keys].sort());
  });

  it("loses and doubles nothing when a worker is killed", async () => {
    const keys = Array.from({ length: 600 }, (_, i) => `j${i}`);
    await knock(keys);
    const worker = fork(new URL("../../../support/engine-worker.ts", import.meta.url), {
      env: { ...process.env, DATABASE_URL: db.url },
    });
    await eventually(async () => ((await effects()).length >= 100 ? true : undefined), "the worker is under way");
    worker.kill("SIGKILL");
    await eventually(async () => {
      await engineOf(done, 1000).runUntilIdle(RUN);
      return (await left()) === 0 ? true : undefined;
    }, "the rest is done once the lease is over");
    expect((await effects()).sort()).toEqual([...keys].sort());
  });
});
