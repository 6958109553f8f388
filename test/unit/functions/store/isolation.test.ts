import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrate } from "@shoal/functions/store/migrate.ts";
import type { Database } from "@shoal/functions/store/database.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

const ORG_A = "org-aaaaaaaaaaaaaaaaaaaa";
const ORG_B = "org-bbbbbbbbbbbbbbbbbbbb";
let db: TestDatabase;
let database: Database;
let tables: string[];

beforeAll(async () => {
  db = await testDatabase();
  database = db.open();
  await db.sql.query(`insert into clusters (id, name, k8s_namespace) values ('local', 'local', 'shoal')`);
  for (const org of [ORG_A, ORG_B]) {
    const x = org.slice(4, 5);
    await db.sql.query(`insert into organisations (id, slug, name, plan) values ($1, $2, $2, 'free')`, [
      org,
      `org-${x}`,
    ]);
    await db.sql.query(`insert into users (id, email, name, issuer, subject) values ($1, $1, $1, 'i', $1)`, [
      `usr-${x}`,
    ]);
    await db.sql.query(`insert into memberships (organisation_id, user_id, role) values ($1, $2, 'owner')`, [
      org,
      `usr-${x}`,
    ]);
    await db.sql.query(
      `insert into sessions (id, organisation_id, user_id, token_hash, expires_at) values ($1, $2, $3, $4, now())`,
      [`ses-${x}`, org, `usr-${x}`, Buffer.from(x)],
    );
    await db.sql.query(
      `insert into api_keys (id, organisation_id, name, token_hint, token_hash, scopes, created_by) values ($1, $2, 'k', 'h', $3, '{}', 'u')`,
      [`key-${x}`, org, Buffer.from(x)],
    );
    await db.sql.query(
      `insert into idempotency_keys (organisation_id, key, route, request_hash) values ($1, 'k', 'r', 'h')`,
      [org],
    );
    await db.sql.query(
      `insert into audit_log (organisation_id, actor_kind, actor_id, action, resource_kind, resource_id, request_id) values ($1, 'user', 'u', 'a', 'r', 'r', 'q')`,
      [org],
    );
    await db.sql.query(`insert into processor_templates (id, organisation_id, slug, name) values ($1, $2, 's', 'n')`, [
      `tpl-${x}`,
      org,
    ]);
    await db.sql.query(
      `insert into processor_template_versions (id, organisation_id, processor_template_id, version, image_uri, digest, runtime_config_template) values ($1, $2, $3, '1', 'i', 'd', '{}')`,
      [`ver-${x}`, org, `tpl-${x}`],
    );
    await db.sql.query(`insert into sensors (id, organisation_id, name) values ($1, $2, 's')`, [`sen-${x}`, org]);
    await db.sql.query(
      `insert into processors (id, organisation_id, name, processor_template_id, cluster_id, k8s_namespace) values ($1, $2, 'p', $3, 'local', 'shoal')`,
      [`prc-${x}`, org, `tpl-${x}`],
    );
    await db.sql.query(
      `insert into activations (processor_id, epoch, organisation_id, pod_name, because) values ($1, 1, $2, 'p', 'b')`,
      [`prc-${x}`, org],
    );
    await db.sql.query(
      `insert into operations (id, organisation_id, kind, resource_kind, resource_id, generation, requested_by) values ($1, $2, 'k', 'r', 'r', 1, 'u')`,
      [`op-${x}`, org],
    );
    await db.sql.query(
      `insert into events (organisation_id, kind, resource_kind, resource_id) values ($1, 'k', 'r', 'r')`,
      [org],
    );
    await db.sql.query(`insert into tasks (kind, key, organisation_id) values ('k', $1, $2)`, [x, org]);
  }
  const { rows } = await db.sql.query<{ table_name: string }>(
    `select table_name from information_schema.columns where table_schema = 'public' and column_name = 'organisation_id' order by 1`,
  );
  tables = rows.map((row) => row.table_name);
});
afterAll(() => db.drop());

describe("row level security", () => {
  it("guards every table that carries an organisation, with a row of each tenant in it", async () => {
    expect(tables.length).toBeGreaterThan(10);
    for (const table of tables) {
      const { rows } = await db.sql.query<{ n: number; forced: boolean }>(
        `select (select count(distinct organisation_id)::int from ${table}) as n, c.relforcerowsecurity as forced from pg_class c where c.relname = '${table}'`,
      );
      expect({ table, ...rows[0] }).toEqual({ table, n: 2, forced: true });
    }
  });

  it("shows a tenant its own rows only", async () => {
    for (const table of tables) {
      const seen = await database.asTenant(ORG_A, (tx) =>
        sql<{ organisation_id: string }>`select organisation_id from ${sql.table(table)}`.execute(tx),
      );
      expect({ table, seen: seen.rows.map((row) => row.organisation_id) }).toEqual({ table, seen: [ORG_A] });
    }
  });

  it("lets no tenant write a row of another", async () => {
    for (const table of tables) {
      const moved = database.asTenant(ORG_A, (tx) =>
        sql`update ${sql.table(table)} set organisation_id = ${ORG_B}`.execute(tx),
      );
      await expect(moved, table).rejects.toThrow(/row-level security|permission denied|violates/);
    }
  });

  it("shows nothing before a role was chosen for the transaction", async () => {
    await expect(database.asTenant(ORG_A, (tx) => sql`select * from hosts`.execute(tx))).rejects.toThrow(
      /permission denied/,
    );
    await expect(database.asAccounts((tx) => sql`select * from processors`.execute(tx))).rejects.toThrow(
      /permission denied/,
    );
    await expect(database.asTenant(`${ORG_A}'; select 1 --`, async () => 1)).rejects.toThrow(/not an organisation id/);
  });

  it("keeps the audit log and the feed append only", async () => {
    for (const table of ["audit_log", "events"]) {
      await expect(
        database.asTenant(ORG_A, (tx) => sql`delete from ${sql.table(table)}`.execute(tx)),
        table,
      ).rejects.toThrow(/permission denied/);
    }
  });
});

describe("migrate", () => {
  it("applies nothing twice, also when two start at once", async () => {
    expect(await Promise.all([migrate(db.url), migrate(db.url)])).toEqual([[], []]);
  });

  it("refuses a database that is newer than the code, and a file that was changed afterwards", async () => {
    await db.sql.query(`insert into schema_migrations (name, checksum) values ('9999_future.sql', 'x')`);
    await expect(migrate(db.url)).rejects.toThrow(/newer than the code/);
    await db.sql.query(`delete from schema_migrations where name like '9999%'`);
    await db.sql.query(`update schema_migrations set checksum = 'x' where name like '0001%'`);
    await expect(migrate(db.url)).rejects.toThrow(/changed after/);
  });
});
