/**
 * One throw-away PostgreSQL for the whole run, with a template database that has the schema. Each test file clones it, so
 * tests share a server and never rows. Roles belong to the server, not to a database: migrations make them only where missing.
 */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { TestProject } from "vitest/node";
import { startPostgres } from "@shoal/emulator/postgres/index.ts";
import { migrate } from "@shoal/functions/store/migrate.ts";
import { silentLog } from "@shoal/shared/base/log.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Superuser on the database `postgres` of the run's server. */
    postgresUrl: string;
    /** Name of the database to clone. */
    postgresTemplate: string;
  }
}

const TEMPLATE = "shoal_template";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-test-"));
  await chmod(folder, 0o755); // the server runs as another user where we are root
  const postgres = await startPostgres({
    dataDir: folder,
    port: 0,
    log: silentLog,
    durable: false,
    settings: { max_connections: "200" },
  });
  const teardown = async (): Promise<void> => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await makeTemplate(postgres.superuserUrl);
  } catch (thrown) {
    await teardown();
    throw thrown;
  }
  project.provide("postgresUrl", postgres.superuserUrl);
  project.provide("postgresTemplate", TEMPLATE);
  return teardown;
}

async function makeTemplate(superuserUrl: string): Promise<void> {
  const client = new Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    await client.query(`create database ${TEMPLATE}`);
    const url = new URL(superuserUrl);
    url.pathname = `/${TEMPLATE}`;
    await migrate(url.href);
    // A session in the template would make every clone fail.
    await client.query(`alter database ${TEMPLATE} with is_template true allow_connections false`);
  } finally {
    await client.end();
  }
}
