/** Processor templates of the organisation at hand. Deleted ones stay for the history of their processors, out of sight. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { micros, olderThan, toPage, type Page, type PageRequest } from "../paging/cursor.ts";

export interface TemplateRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly active_version: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const COLUMNS = ["t.id", "t.slug", "t.name", "t.description", "t.created_at", "t.updated_at"] as const;

function templates(tx: Tx) {
  return tx
    .selectFrom("processor_templates as t")
    .leftJoin("processor_template_versions as v", (join) =>
      join.onRef("v.processor_template_id", "=", "t.id").on("v.is_active", "=", true),
    )
    .select(COLUMNS)
    .select("v.version as active_version")
    .where("t.deleted_at", "is", null);
}

export async function findTemplate(tx: Tx, idOrSlug: string): Promise<TemplateRow | undefined> {
  return templates(tx)
    .where((or) => or.or([or("t.id", "=", idOrSlug), or("t.slug", "=", idOrSlug)]))
    .executeTakeFirst();
}

/**
 * Locks the template until the transaction ends, so that its versions and its processors do not change meanwhile:
 * `share` while a processor is made from it, `update` while it is deleted or moves to another version.
 */
export async function lockTemplate(
  tx: Tx,
  idOrSlug: string,
  strength: "share" | "update",
): Promise<TemplateRow | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from processor_templates where (id = ${idOrSlug} or slug = ${idOrSlug}) and deleted_at is null
    for ${sql.raw(strength)}`.execute(tx);
  // Read after the lock was granted: what the holder before changed is seen.
  return rows[0] === undefined ? undefined : findTemplate(tx, rows[0].id);
}

export async function listTemplates(
  tx: Tx,
  organisationId: string,
  page: PageRequest,
): Promise<Page<TemplateRow & { page_at: string }>> {
  const rows = await templates(tx)
    .select(micros("t.created_at").as("page_at"))
    .where("t.organisation_id", "=", organisationId)
    .where(olderThan("t.created_at", "t.id", page.after))
    .orderBy("t.created_at", "desc")
    .orderBy("t.id", "desc")
    .limit(page.limit + 1)
    .execute();
  return toPage(rows, page.limit, (row) => row.id);
}

/** Returns false where the slug is taken. */
export async function createTemplate(
  tx: Tx,
  template: {
    readonly id: string;
    readonly organisation_id: string;
    readonly slug: string;
    readonly name: string;
    readonly description: string;
  },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto("processor_templates")
    .values(template)
    .onConflict((conflict) => conflict.columns(["organisation_id", "slug"]).where("deleted_at", "is", null).doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

export async function updateTemplate(
  tx: Tx,
  id: string,
  change: { readonly name?: string; readonly description?: string; readonly deleted_at?: Date },
): Promise<void> {
  await tx
    .updateTable("processor_templates")
    .set({ ...change, updated_at: sql<Date>`now()` })
    .where("id", "=", id)
    .execute();
}
