import { afterAll, beforeAll, expect, test } from "vitest";
import type { MetricsInit } from "@shoal/functions/metrics/metrics.ts";
import { errorBodySchema } from "@shoal/shared/wire/error-body.ts";
import { systemClock } from "../../../support/clock.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";
import { seedTable, tenantTables } from "../../../support/seed-tables.ts";
import { parse, scraper } from "./world.ts";

const ORGANISATION = "org-aaaaaaaaaaaaaaaaaaaa";
/** Beyond any transaction: every change has been looked at. */
const ALL_SEEN = "9000000000000000000";

let db: TestDatabase;
let database: MetricsInit["database"];
const asked = { transactions: 0, statements: 0 };

beforeAll(async () => {
  db = await testDatabase();
  await seed();
  const opened = db.open();
  database = {
    asWorker: (work, options) => {
      asked.transactions += 1;
      return opened.asWorker(work, options);
    },
    workerStatement: (...statement) => {
      asked.statements += 1;
      return opened.workerStatement(...statement);
    },
  };
});
afterAll(() => db.drop());

async function seed(): Promise<void> {
  await db.sql.query(`
    insert into organisations (id, slug, name, plan) values ('${ORGANISATION}', 'acme', 'Acme', 'free');
    insert into clusters (id, name, k8s_namespace) values ('cls-1', 'local', 'dory-apps');
    insert into processor_templates (id, organisation_id, slug, name) values ('tpl-1', '${ORGANISATION}', 't', 't');
    insert into processors (id, organisation_id, name, processor_template_id, cluster_id, k8s_namespace, stage, epoch,
      terminated_at, updated_at)
    select id, '${ORGANISATION}', id, 'tpl-1', 'cls-1', 'dory-apps', stage, epoch, terminated, now() - interval '10 minutes'
    from (values ('p-1', 'running', 1, null), ('p-2', 'running', 3, null), ('p-3', 'failed', 0, null),
      ('p-4', 'gone', 2, now())) as v(id, stage, epoch, terminated);
    insert into hosts (cluster_id, name, uid, ready, cordoned, cpu_milli, memory_mib, pods, content_hash)
    values ('cls-1', 'host-a', 'a', true, false, 1, 1, 4, 'a'), ('cls-1', 'host-b', 'b', false, true, 1, 1, 10, 'b');
    insert into observed_pods (cluster_id, namespace, name, uid, processor_id, epoch, spec_hash, phase, ready, host_name,
      content_hash)
    select 'cls-1', 'dory-apps', name, name, 'p-1', 1, 's', phase, ready, host, name
    from (values ('one', 'Running', true, 'host-a'), ('two', 'Running', true, 'host-a'), ('three', 'Pending', false, 'host-a'),
      ('four', 'Failed', false, 'host-a'), ('five', 'Pending', false, null)) as v(name, phase, ready, host);
    insert into tasks (kind, key, run_at, lease_until, attempts)
    values ('k', 'due', now() - interval '90 seconds', null, 2), ('k', 'due-2', now() - interval '5 seconds', null, 0),
      ('k', 'later', now() + interval '1 hour', null, 0), ('k', 'leased', now(), now() + interval '1 hour', 0);
    insert into operations (id, organisation_id, kind, resource_kind, resource_id, generation, state, requested_by)
    select 'op-' || n, '${ORGANISATION}', 'processor.create', 'processor', 'p-1', 1, state, 'u'
    from unnest(array['pending', 'pending', 'running', 'succeeded', 'failed']) with ordinality as v(state, n);
    insert into events (organisation_id, kind, resource_kind, resource_id)
    select '${ORGANISATION}', 'processor.running', 'processor', 'p-1' from generate_series(1, 5);
    insert into passes (cluster_id, shard, change_cursor, cursor_moved_at, full_at)
    values ('cls-1', 0, '${ALL_SEEN}', now() - interval '60 seconds', now() - interval '120 seconds');`);
}

const series = async (): Promise<ReadonlyMap<string, number>> => parse((await scraper(database)("/metrics")).text);

test("what is exported equals what is there", async () => {
  const answer = await scraper(database)("/metrics");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  const found = parse(answer.text);
  const expected = {
    dory_applications_total: 3,
    'dory_pods_total{status="running"}': 2,
    'dory_pods_total{status="pending"}': 2,
    'dory_pods_total{status="failed"}': 1,
    'dory_pods_total{status="succeeded"}': 0,
    'dory_pods_total{status="unknown"}': 0,
    dory_nodes_total: 2,
    'dory_node_utilization_ratio{node="host-a"}': 0.75,
    'dory_node_utilization_ratio{node="host-b"}': 0,
    dory_reconciliation_queue_depth: 2,
    dory_scheduling_decisions_total: 6,
    'dory_component_healthy{component="database"}': 1,
    'dory_component_healthy{component="kubernetes"}': 1,
    'dory_component_healthy{component="watcher"}': 1,
    'dory_component_healthy{component="reconciler"}': 1,
    dory_config_watcher_healthy: 1,
    'dory_database_errors_total{error_type="unavailable"}': 0,
    shoal_tasks_due: 2,
    shoal_tasks_later: 1,
    shoal_tasks_leased: 1,
    shoal_tasks_failing: 1,
    'shoal_operations{state="pending"}': 2,
    'shoal_operations{state="running"}': 1,
    'shoal_processors{stage="running"}': 2,
    'shoal_processors{stage="failed"}': 1,
    'shoal_processors{stage="gone"}': 1,
    'shoal_processors{stage="accept"}': 0,
    'shoal_pass_lag_seconds{cluster="local",shard="0"}': 0,
    shoal_observed_pods: 5,
    shoal_observed_pods_ready: 2,
    'shoal_hosts{state="ready"}': 1,
    'shoal_hosts{state="not_ready"}': 1,
    'shoal_hosts{state="cordoned"}': 1,
    shoal_events_total: 5,
    'dory_database_query_duration_seconds_count{query_type="processors"}': 1,
  };
  expect(Object.fromEntries(Object.keys(expected).map((name) => [name, found.get(name)]))).toEqual(expected);
  expect(found.get("shoal_tasks_oldest_seconds")).toBeGreaterThanOrEqual(90);
  expect(found.get('shoal_pass_age_seconds{cluster="local",shard="0"}')).toBeGreaterThanOrEqual(60);
  expect(found.get('shoal_pass_full_age_seconds{cluster="local",shard="0"}')).toBeGreaterThanOrEqual(120);
  expect(found.get("dory_database_connections_active")).toBeGreaterThanOrEqual(1);
});

test("fifty scrapers at once ask the database once, and not again for five seconds", async () => {
  let now = 0;
  const scrape = scraper(database, { monotonic: () => now, sleep: (span, signal) => systemClock.sleep(span, signal) });
  const costs = async (work: () => Promise<unknown>): Promise<number> => {
    const before = asked.transactions + asked.statements;
    await work();
    return asked.transactions + asked.statements - before;
  };
  const flood = (): Promise<unknown> => Promise.all(Array.from({ length: 50 }, () => scrape("/metrics")));
  // Facts are a transaction and a statement, readiness is a transaction.
  expect(await costs(flood)).toBe(3);
  expect(await costs(flood)).toBe(0);
  now = 999;
  expect(await costs(() => scrape("/readyz"))).toBe(0);
  now = 4999;
  expect(await costs(flood)).toBe(1);
  now = 5001;
  expect(await costs(() => scrape("/healthz"))).toBe(2);
});

test("components are judged by what passes leave behind", async () => {
  const states = async (change: string): Promise<Record<string, unknown>> => {
    await db.sql.query(change);
    const { status, text } = await scraper(database)("/healthz");
    const body = JSON.parse(text) as { status: string; components: Record<string, { state: string }> };
    const parts = Object.entries(body.components).map(([name, { state }]) => [name, state]);
    return { code: status, status: body.status, ...Object.fromEntries(parts) };
  };
  const fine = {
    code: 200,
    status: "ok",
    database: "healthy",
    kubernetes: "healthy",
    watcher: "healthy",
    reconciler: "healthy",
  };
  expect(await states("select 1")).toEqual(fine);
  const degraded = { ...fine, status: "degraded" };
  expect(await states("update passes set change_cursor = '0'")).toEqual({ ...degraded, watcher: "unhealthy" });
  expect((await series()).get("dory_config_watcher_healthy")).toBe(0);
  await db.sql.query(`update passes set change_cursor = '${ALL_SEEN}'`);
  expect(await states("update hosts set ready = false")).toEqual({ ...degraded, kubernetes: "unhealthy" });
  await db.sql.query("update hosts set ready = true where name = 'host-a'");
  expect(await states("update passes set full_at = null")).toEqual({ ...degraded, kubernetes: "unhealthy" });
  expect(await states("update passes set full_at = now(), cursor_moved_at = now() - interval '1 hour'")).toEqual(fine);
  expect(await states("update passes set full_at = now() - interval '1 hour'")).toEqual({
    ...degraded,
    kubernetes: "unhealthy",
    reconciler: "unhealthy",
  });
  await db.sql.query("update passes set full_at = now(), cursor_moved_at = now()");
  expect(await states("insert into clusters (id, name, k8s_namespace) values ('cls-2', 'new', 'x')")).toEqual({
    ...degraded,
    reconciler: "unhealthy",
  });
  expect(await states("delete from clusters where id = 'cls-2'")).toEqual(fine);
});

test("a database of another schema is not ready, and the answer says why", async () => {
  const refused = async (): Promise<string> => {
    const { status, text } = await scraper(database)("/readyz");
    expect(status).toBe(503);
    return errorBodySchema.parse(JSON.parse(text)).error.message;
  };
  await db.sql.query("insert into schema_migrations (name, checksum) values ('9999_future.sql', 'x')");
  expect(await refused()).toContain("newer than the code");
  await db.sql.query("delete from schema_migrations where name = '9999_future.sql'");
  const { rows } = await db.sql.query<{ name: string; checksum: string }>(
    "delete from schema_migrations where name like '0012%' returning name, checksum",
  );
  expect(await refused()).toContain("lacks 0012_metrics.sql");
  await db.sql.query("insert into schema_migrations (name, checksum) values ($1, $2)", [
    rows[0]?.name,
    rows[0]?.checksum,
  ]);
  expect((await scraper(database)("/readyz")).status).toBe(200);
});

test("other addresses and methods are refused in the API's words", async () => {
  const scrape = scraper(database);
  for (const path of ["/", "/metrics/", "/metrics/x", "/api/v1/processors"]) {
    const { status, text } = await scrape(path);
    expect([path, status, errorBodySchema.parse(JSON.parse(text)).error.code]).toEqual([path, 404, "not_found"]);
  }
  for (const path of ["/metrics", "/healthz", "/readyz", "/livez"]) {
    const { status, text, headers } = await scrape(path, "POST");
    expect([path, status, errorBodySchema.parse(JSON.parse(text)).error.code]).toEqual([
      path,
      405,
      "method_not_allowed",
    ]);
    expect(headers.get("allow")).toBe("HEAD, GET");
    expect(await scrape(path, "HEAD")).toMatchObject({ status: 200, text: "" });
  }
});

test("no tenant's words get out, whatever its rows hold, and labels stay bounded", async () => {
  for (const table of await tenantTables(db.sql)) await seedTable(db.sql, table, ORGANISATION, `leak-${table}`);
  await db.sql
    .query(`insert into observed_pods (cluster_id, namespace, name, uid, processor_id, epoch, spec_hash, phase,
    ready, reason, message, host_name, content_hash)
    values ('cls-1', 'leak-ns', 'leak-pod', 'leak', 'leak-p', 1, 'leak', 'Running', true, 'leak', 'leak', 'host-a', 'leak')`);
  await db.sql.query(`insert into hosts (cluster_id, name, uid, ready, cpu_milli, memory_mib, pods, content_hash)
    select 'cls-1', 'many-' || n, n, true, 1, 1, 10, n from generate_series(1, 600) as n`);
  const scrape = scraper(database);
  for (const path of ["/metrics", "/healthz"]) {
    const { status, text } = await scrape(path);
    expect(status).toBe(200);
    expect(text).not.toMatch(/leak|org-|p-1|acme/i);
  }
  const names = [...parse((await scrape("/metrics")).text).keys()];
  expect(names.filter((name) => name.startsWith("dory_node_utilization_ratio"))).toHaveLength(500);
  expect(names).toContain('dory_node_utilization_ratio{node="host-a"}');
});
