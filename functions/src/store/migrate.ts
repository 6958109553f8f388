/**
 * Brings a database to the schema of this code: the numbered SQL files beside it, each in a transaction of its own, under
 * an advisory lock, so that any number of instances may start at once. A file that was applied never changes; a database
 * that knows more files than the code is refused, since an old instance must not write into a new schema.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { Client, escapeIdentifier, escapeLiteral } from "pg";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { silentLog, type Log } from "@shoal/shared/base/log.ts";

const FOLDER = new URL("./migrations/", import.meta.url);
/** Any constant will do; it only has to be the same everywhere. */
const LOCK = 7_405_101;

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

async function readMigrations(): Promise<readonly Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, FOLDER), "utf8");
      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

/** Applies what is missing; `url` names a login that owns the schema. Returns the names applied now. */
export async function migrate(url: string, log: Log = silentLog): Promise<readonly string[]> {
  const client = await connect(url);
  try {
    await client.query("select pg_advisory_lock($1)", [LOCK]);
    await client.query(
      "create table if not exists schema_migrations (name text primary key, checksum text not null, applied_at timestamptz not null default now())",
    );
    const { rows } = await client.query<{ name: string; checksum: string }>(
      "select name, checksum from schema_migrations order by name",
    );
    const applied = new Map(rows.map((row) => [row.name, row.checksum]));
    const known = await readMigrations();
    refuseNewer(applied, known);
    const now: string[] = [];
    for (const migration of known) {
      if (applied.has(migration.name)) continue;
      await apply(client, migration);
      log.info({ migration: migration.name }, "migration applied");
      now.push(migration.name);
    }
    return now;
  } finally {
    await client.end();
  }
}

/** What keeps a database that has these migrations (name to checksum) from being of this code's schema; undefined where nothing does. */
export async function schemaDifference(applied: ReadonlyMap<string, string>): Promise<string | undefined> {
  const known = await readMigrations();
  try {
    refuseNewer(applied, known);
  } catch (thrown) {
    return messageOf(thrown);
  }
  const missing = known.filter((migration) => !applied.has(migration.name)).map((migration) => migration.name);
  return missing.length === 0 ? undefined : `the database lacks ${missing.join(", ")}: it is older than the code`;
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: "shoal-migrate" });
  // A connection that is cut fails the statement under way, which is enough; unheard, it would also end the process.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

function refuseNewer(applied: ReadonlyMap<string, string>, known: readonly Migration[]): void {
  for (const [name, checksum] of applied) {
    const ours = known.find((migration) => migration.name === name);
    if (ours === undefined)
      throw new Error(`the database has migration ${name}, which this code does not know: it is newer than the code`);
    if (ours.checksum !== checksum)
      throw new Error(`migration ${name} was changed after it had been applied: add a new file instead`);
  }
}

async function apply(client: Client, migration: Migration): Promise<void> {
  await client.query("begin");
  try {
    await client.query(migration.sql);
    await client.query("insert into schema_migrations (name, checksum) values ($1, $2)", [
      migration.name,
      migration.checksum,
    ]);
    await client.query("commit");
  } catch (thrown) {
    await client.query("rollback");
    throw new Error(`migration ${migration.name} failed`, { cause: thrown });
  }
}

/** Roles of the schema, by what a function may do (`migrations/0004_isolation.sql`). */
export type SchemaRole = "shoal_tenant" | "shoal_accounts" | "shoal_worker";

/**
 * Makes a login that can become `roles`, and nothing until it does: `noinherit` means that a statement outside of a
 * transaction that chose its role sees no row at all.
 */
export async function grantLogin(
  url: string,
  login: string,
  password: string,
  roles: readonly SchemaRole[],
): Promise<void> {
  const client = await connect(url);
  try {
    await client.query("select pg_advisory_lock($1)", [LOCK]);
    const name = escapeIdentifier(login);
    const { rowCount } = await client.query("select from pg_roles where rolname = $1", [login]);
    await client.query(
      `${rowCount === 0 ? "create" : "alter"} role ${name} login noinherit password ${escapeLiteral(password)}`,
    );
    for (const role of roles) await client.query(`grant ${escapeIdentifier(role)} to ${name}`);
  } finally {
    await client.end();
  }
}
