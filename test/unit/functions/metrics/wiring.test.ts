import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { grantLogin } from "@shoal/functions/store/migrate.ts";
import { wireMetrics } from "@shoal/functions/wiring/metrics.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";
import { parse } from "./world.ts";

let db: TestDatabase;
let server: Server;
let base: string;

beforeAll(async () => {
  db = await testDatabase();
  const url = new URL(db.url);
  [url.username, url.password] = [`metrics_${url.pathname.slice(1)}`, "secret"];
  await grantLogin(db.url, url.username, url.password, ["shoal_worker"]);
  const listener = await wireMetrics({ SHOAL_ENV: "local", DORY_LOG_LEVEL: "error", DORY_DATABASE_URL: url.href });
  server = createServer((request, response) => void listener(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
});
afterAll(async () => {
  server.close();
  await db.drop();
});

test("the worker's login alone is enough, and its connections are counted", async () => {
  for (const path of ["/livez", "/readyz", "/healthz"])
    expect([path, (await fetch(base + path)).status]).toEqual([path, 200]);
  const series = parse(await (await fetch(`${base}/metrics`)).text());
  expect(series.get("dory_database_connections_active")).toBeGreaterThanOrEqual(1);
  // Nobody has made a pass here yet, which is told as it is.
  expect(series.get('dory_component_healthy{component="database"}')).toBe(1);
  expect(series.get('dory_component_healthy{component="reconciler"}')).toBe(0);
});

test("without a database it is not configured", async () => {
  await expect(wireMetrics({ SHOAL_ENV: "local" })).rejects.toThrow("DORY_DATABASE_URL is not set");
});
