import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Client } from "pg";
import { grantLogin, migrate } from "@shoal/functions/store/migrate.ts";
import type { Database } from "@shoal/functions/store/database.ts";
import { seedTable, tenantTables } from "../../../support/seed-tables.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

const ORG_A = "org-aaaaaaaaaaaaaaaaaaaa";
const ORG_B = "org-bbbbbbbbbbbbbbbbbbbb";
let db: TestDatabase;
let database: Database;
let tables: readonly string[];

beforeAll(async () => {
  db = await testDatabase();
  database = db.open();
  tables = await tenantTables(db.sql);
  for (const [organisationId, mark] of [
    [ORG_A, "a"],
    [ORG_B, "b"],
  ] as const) {
    await db.sql.query("insert into organisations (id, slug, name, plan) values ($1, $2, $2, 'free')", [
      organisationId,
      `org-${mark}`,
    ]);
    for (const table of tables) await seedTable(db.sql, table, organisationId, mark);
  }
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

  it("lets no tenant insert a row of another, or one of nobody", async () => {
    for (const table of tables) {
      for (const owner of [ORG_B, null]) {
        const inserted = database.asTenant(ORG_A, (tx) =>
          sql`insert into ${sql.table(table)} select (jsonb_populate_record(null::${sql.table(table)}, to_jsonb(r) || ${JSON.stringify({ organisation_id: owner })}::jsonb)).* from ${sql.table(table)} r`.execute(
            tx,
          ),
        );
        await expect(inserted, `${table} ${owner}`).rejects.toThrow(/row-level security|permission denied|non-DEFAULT/);
      }
    }
  });

  it("lets no tenant change or delete what it does not see", async () => {
    for (const table of tables) {
      for (const statement of [
        sql`update ${sql.table(table)} set organisation_id = organisation_id where organisation_id = ${ORG_B}`,
        sql`delete from ${sql.table(table)} where organisation_id = ${ORG_B}`,
      ]) {
        const touched = await database
          .asTenant(ORG_A, (tx) => statement.execute(tx))
          .catch((thrown: unknown) => {
            expect(String(thrown)).toMatch(/permission denied/);
            return { numAffectedRows: 0n };
          });
        expect({ table, touched: touched.numAffectedRows }).toEqual({ table, touched: 0n });
      }
    }
  });

  it("shows a login nothing at all outside of a transaction that chose its role", async () => {
    await grantLogin(db.url, "front_of_test", "secret of the test", ["shoal_tenant", "shoal_accounts"]);
    await grantLogin(db.url, "front_of_test", "secret of the test", ["shoal_tenant", "shoal_accounts"]);
    const url = new URL(db.url);
    url.username = "front_of_test";
    url.password = "secret of the test";
    const client = new Client({ connectionString: url.href });
    await client.connect();
    try {
      for (const table of [...tables, "organisations", "users", "plans", "tasks", "hosts"])
        await expect(client.query(`select from ${table}`), table).rejects.toThrow(/permission denied/);
      await expect(client.query("set role shoal_worker")).rejects.toThrow(/permission denied/);
      await client.query("set role shoal_tenant");
      for (const table of tables) {
        const { rowCount } = await client.query(`select from ${table}`);
        expect({ table, rowCount }).toEqual({ table, rowCount: 0 });
      }
    } finally {
      await client.end();
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
