/** Audit entries of the organisation at hand, newest first. They are numbered, so the number alone is the place. */
import type { Tx } from "../database.ts";
import type { Page, PageRequest } from "../paging/cursor.ts";

export interface AuditRow {
  readonly id: string;
  readonly at: Date;
  readonly actor_kind: string;
  readonly actor_id: string;
  readonly action: string;
  readonly resource_kind: string;
  readonly resource_id: string;
  readonly request_id: string;
  readonly details: unknown;
}

export async function listAudit(
  tx: Tx,
  organisationId: string,
  filter: { readonly resource: string | undefined },
  page: PageRequest,
): Promise<Page<AuditRow>> {
  let query = tx
    .selectFrom("audit_log")
    .select(["id", "at", "actor_kind", "actor_id", "action", "resource_kind", "resource_id", "request_id", "details"])
    .where("organisation_id", "=", organisationId);
  if (page.after !== undefined) query = query.where("id", "<", page.after.at);
  if (filter.resource !== undefined) query = query.where("resource_id", "=", filter.resource);
  const rows = await query
    .orderBy("id", "desc")
    .limit(page.limit + 1)
    .execute();
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return { rows: shown, next: rows.length > page.limit && last !== undefined ? { at: last.id, id: "-" } : undefined };
}
