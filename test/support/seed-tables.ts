/**
 * One row for a tenant in any table, made from what the catalogue says about its columns: so that a test over all tables
 * covers one that is added later. Foreign keys are not looked at (`session_replication_role`), checks are.
 */
import type pg from "pg";

interface Column {
  readonly name: string;
  readonly type: string;
  readonly check: string | null;
}

/** Names of the tables that carry an organisation. */
export async function tenantTables(sql: pg.Pool): Promise<readonly string[]> {
  const { rows } = await sql.query<{ table_name: string }>(
    "select table_name from information_schema.columns where table_schema = 'public' and column_name = 'organisation_id' order by 1",
  );
  return rows.map((row) => row.table_name);
}

/** Inserts a row of `organisationId` into `table`; texts are derived from `mark`, so that two tenants' rows differ. */
export async function seedTable(sql: pg.Pool, table: string, organisationId: string, mark: string): Promise<void> {
  const { rows } = await sql.query<Column>(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
      (select pg_get_constraintdef(c.oid) from pg_constraint c
        where c.conrelid = a.attrelid and c.contype = 'c' and a.attnum = any(c.conkey) limit 1) as check
    from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped
      and a.attnotnull and not a.atthasdef and a.attidentity = ''`,
    [table],
  );
  const columns = rows.some((row) => row.name === "organisation_id")
    ? rows
    : [...rows, { name: "organisation_id", type: "text", check: null }];
  const values = columns.map((column) => (column.name === "organisation_id" ? organisationId : valueOf(column, mark)));
  const client = await sql.connect();
  try {
    await client.query("set session_replication_role = replica");
    const names = columns.map((column) => column.name).join(", ");
    await client.query(
      `insert into ${table} (${names}) values (${values.map((_, i) => `$${i + 1}`).join(", ")})`,
      values,
    );
  } finally {
    await client.query("set session_replication_role = origin");
    client.release();
  }
}

function valueOf({ type, check }: Column, mark: string): unknown {
  if (type === "text") return /'([^']+)'/.exec(check ?? "")?.[1] ?? mark;
  if (type === "bytea") return Buffer.from(mark);
  if (type === "jsonb") return "{}";
  if (type === "boolean") return false;
  if (type.startsWith("timestamp")) return new Date(0);
  if (type.endsWith("[]")) return [];
  return 1;
}
