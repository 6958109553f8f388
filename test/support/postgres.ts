/** A database of its own for each test file, cloned from the migrated template. */
import { randomBytes } from "node:crypto";
import { Client, Pool } from "pg";
import { inject } from "vitest";
import { createDatabase, type Database } from "@shoal/functions/store/database.ts";
import { silentLog } from "@shoal/shared/base/log.ts";

export interface TestDatabase {
  /** As the owner of the schema. */
  readonly url: string;
  /** As superuser, for looking at rows past row level security. */
  readonly sql: Pool;
  /** As a function enters it, by role. Closed by `drop`. */
  open(): Database;
  drop(): Promise<void>;
}

export async function testDatabase(): Promise<TestDatabase> {
  const name = `t_${randomBytes(6).toString("hex")}`;
  // File copies need no log of every page, which is what makes a clone cheap on a server that syncs nothing.
  await asAdmin(`create database ${name} template ${inject("postgresTemplate")} strategy file_copy`);
  const parsed = new URL(inject("postgresUrl"));
  parsed.pathname = `/${name}`;
  const url = parsed.href;
  const sql = new Pool({ connectionString: url, max: 4 });
  sql.on("error", () => undefined);
  const opened: Database[] = [];
  return {
    url,
    sql,
    open: () => {
      const database = createDatabase({
        url,
        log: silentLog,
        applicationName: "shoal-test",
        maxConnections: 10,
        statementTimeoutMs: 30_000,
      });
      opened.push(database);
      return database;
    },
    drop: async () => {
      await Promise.all(opened.map((database) => database.close()));
      await sql.end();
      await asAdmin(`drop database ${name} with (force)`);
    },
  };
}

async function asAdmin(statement: string): Promise<void> {
  const client = new Client({ connectionString: inject("postgresUrl") });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
