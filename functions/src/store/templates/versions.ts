/** Versions of a template. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { micros, olderThan, toPage, type Page, type PageRequest } from "../paging/cursor.ts";

export interface VersionRow {
  readonly id: string;
  readonly processor_template_id: string;
  readonly version: string;
  readonly image_uri: string;
  readonly digest: string;
  readonly is_active: boolean;
  readonly runtime_config_template: unknown;
  readonly created_at: Date;
}

const COLUMNS = [
  "id",
  "processor_template_id",
  "version",
  "image_uri",
  "digest",
  "is_active",
  "runtime_config_template",
  "created_at",
] as const;

/** Undefined where the template has a version of that name. */
export async function createVersion(
  tx: Tx,
  version: {
    readonly id: string;
    readonly organisation_id: string;
    readonly processor_template_id: string;
    readonly version: string;
    readonly image_uri: string;
    readonly digest: string;
    readonly runtime_config_template: object;
  },
): Promise<VersionRow | undefined> {
  return tx
    .insertInto("processor_template_versions")
    .values({ ...version, runtime_config_template: JSON.stringify(version.runtime_config_template) })
    .onConflict((conflict) => conflict.columns(["processor_template_id", "version"]).doNothing())
    .returning(COLUMNS)
    .executeTakeFirst();
}

/** By id or by version name; an id wins. */
export async function findVersion(tx: Tx, templateId: string, idOrName: string): Promise<VersionRow | undefined> {
  return tx
    .selectFrom("processor_template_versions")
    .select(COLUMNS)
    .where("processor_template_id", "=", templateId)
    .where((or) => or.or([or("id", "=", idOrName), or("version", "=", idOrName)]))
    .orderBy(sql`id = ${idOrName}`, "desc")
    .limit(1)
    .executeTakeFirst();
}

export async function activeVersion(tx: Tx, templateId: string): Promise<VersionRow | undefined> {
  return tx
    .selectFrom("processor_template_versions")
    .select(COLUMNS)
    .where("processor_template_id", "=", templateId)
    .where("is_active", "=", true)
    .executeTakeFirst();
}

export async function listVersions(
  tx: Tx,
  templateId: string,
  page: PageRequest,
): Promise<Page<VersionRow & { page_at: string }>> {
  const rows = await tx
    .selectFrom("processor_template_versions")
    .select(COLUMNS)
    .select(micros("created_at").as("page_at"))
    .where("processor_template_id", "=", templateId)
    .where(olderThan("created_at", "id", page.after))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(page.limit + 1)
    .execute();
  return toPage(rows, page.limit, (row) => row.id);
}

/** Whether the template has had any version at all. */
export async function hasVersion(tx: Tx, templateId: string): Promise<boolean> {
  const row = await tx
    .selectFrom("processor_template_versions")
    .select("id")
    .where("processor_template_id", "=", templateId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Two statements, since the index that allows one active version checks row by row. */
export async function setActive(tx: Tx, templateId: string, versionId: string): Promise<void> {
  const versions = tx.updateTable("processor_template_versions").where("processor_template_id", "=", templateId);
  await versions.set({ is_active: false }).where("is_active", "=", true).where("id", "<>", versionId).execute();
  await versions.set({ is_active: true }).where("id", "=", versionId).execute();
}
