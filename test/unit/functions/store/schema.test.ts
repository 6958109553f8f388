import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.drop());

/** Columns of each table as `schema.ts` writes them down: name, whether it has a default, whether it may be null. */
async function written(): Promise<Map<string, string[]>> {
  const text = await readFile(new URL("../../../../functions/src/store/schema.ts", import.meta.url), "utf8");
  const blocks = new Map<string, string>();
  const interfaces = new Map<string, string>();
  for (const [, name = "", body = ""] of text.matchAll(/^interface (\w+) \{\n([\s\S]*?)^\}/gm))
    interfaces.set(name, body);
  const schema = /^export interface Schema \{\n([\s\S]*?)^\}/m.exec(text)?.[1] ?? "";
  for (const [, table = "", body = ""] of schema.matchAll(/^ {2}(\w+): \{([\s\S]*?)\};$/gm)) blocks.set(table, body);
  for (const [, table = "", name = ""] of schema.matchAll(/^ {2}(\w+): (\w+);$/gm))
    blocks.set(table, interfaces.get(name) ?? "");
  return new Map(
    [...blocks].map(([table, body]) => [
      table,
      [...body.matchAll(/(\w+): ([^;]+);?/g)]
        .map(([, column, type = ""]) => {
          const nullable = type.trim().endsWith("| null") ? " null" : "";
          return `${column}${type.startsWith("Generated<") ? " default" : ""}${nullable}`;
        })
        .sort(),
    ]),
  );
}

it("keeps schema.ts in step with the migrations", async () => {
  const { rows } = await db.sql.query<{ table_name: string; columns: string[] }>(
    `select c.table_name, array_agg(column_name
      || case when column_default is not null or is_identity = 'YES' then ' default' else '' end
      || case when is_nullable = 'YES' then ' null' else '' end) as columns
    from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
    where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'schema_migrations'
    group by c.table_name order by 1`,
  );
  const actual = Object.fromEntries(rows.map((row) => [row.table_name, row.columns.sort()]));
  const expected = Object.fromEntries([...(await written())].sort(([a], [b]) => (a < b ? -1 : 1)));
  expect(expected).toEqual(actual);
});
