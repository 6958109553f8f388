import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type Database } from "@shoal/functions/store/database.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { errorBodySchema } from "@shoal/shared/wire/error-body.ts";
import { eventually } from "../../../support/clock.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";
import { parse, scraper, stallable } from "./world.ts";

let db: TestDatabase;
let proxy: Awaited<ReturnType<typeof stallable>>;
let database: Database;

beforeAll(async () => {
  db = await testDatabase();
  proxy = await stallable(db.url);
  database = createDatabase({
    url: proxy.url,
    log: silentLog,
    applicationName: "shoal-metrics",
    maxConnections: 2,
    statementTimeoutMs: 2000,
    connectTimeoutMs: 1500,
  });
});
afterAll(async () => {
  await proxy.close();
  await database.close();
  await db.drop();
});

test("a database that falls silent gives 503 in bounded time while the process is alive, and comes back", async () => {
  let underWay = 0;
  const scrape = scraper({
    workerStatement: (...statement) => database.workerStatement(...statement),
    asWorker: async (work, options) => {
      underWay += 1;
      return database.asWorker(work, options).finally(() => (underWay -= 1));
    },
  });
  expect((await scrape("/readyz")).status).toBe(200);
  proxy.stall();
  const fallen = await eventually(async () => {
    const answer = await scrape("/readyz");
    return answer.status === 503 ? answer : undefined;
  }, "not ready");
  expect(errorBodySchema.parse(JSON.parse(fallen.text)).error.code).toBe("unavailable");
  expect(fallen.headers.get("retry-after")).toBe("2");

  const [health, metrics, alive] = await Promise.all([scrape("/healthz"), scrape("/metrics"), scrape("/livez")]);
  // Callers hear before the database's own time-outs have ended the question, and nobody asked a second one.
  expect(underWay).toBeGreaterThan(0);
  expect(underWay).toBeLessThanOrEqual(2);
  expect(alive.status).toBe(200);
  expect(health.status).toBe(503);
  expect(JSON.parse(health.text)).toMatchObject({
    status: "unavailable",
    components: { database: { state: "unhealthy" }, reconciler: { state: "unknown" } },
  });
  const series = parse(metrics.text);
  expect(series.get('dory_component_healthy{component="database"}')).toBe(0);
  // What is not known is not there, instead of being 0.
  expect([...series.keys()].filter((name) => /reconciler|watcher|shoal_|applications/.test(name))).toEqual([]);

  proxy.resume();
  await eventually(async () => ((await scrape("/readyz")).status === 200 ? true : undefined), "ready again");
});
