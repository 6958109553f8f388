/** Operations of the organisation at hand. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { micros, olderThan, toPage, type Page, type PageRequest } from "../paging/cursor.ts";

export interface OperationRow {
  readonly id: string;
  readonly kind: string;
  readonly resource_kind: string;
  readonly resource_id: string;
  readonly generation: string;
  readonly state: string;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly requested_by: string;
  readonly trace_id: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly done_at: Date | null;
}

const COLUMNS = [
  "id",
  "kind",
  "resource_kind",
  "resource_id",
  "generation",
  "state",
  "error_code",
  "error_message",
  "requested_by",
  "trace_id",
  "created_at",
  "updated_at",
  "done_at",
] as const;

export async function createOperation(
  tx: Tx,
  operation: {
    readonly id: string;
    readonly organisation_id: string;
    readonly kind: string;
    readonly resource_kind: string;
    readonly resource_id: string;
    readonly generation: number;
    readonly requested_by: string;
    readonly trace_id: string | null;
  },
): Promise<OperationRow> {
  return tx.insertInto("operations").values(operation).returning(COLUMNS).executeTakeFirstOrThrow();
}

export async function findOperation(tx: Tx, id: string): Promise<OperationRow | undefined> {
  return tx.selectFrom("operations").select(COLUMNS).where("id", "=", id).executeTakeFirst();
}

export async function lockOperation(tx: Tx, id: string): Promise<OperationRow | undefined> {
  return tx.selectFrom("operations").select(COLUMNS).where("id", "=", id).forUpdate().executeTakeFirst();
}

export async function listOperations(
  tx: Tx,
  organisationId: string,
  filter: { readonly resource: string | undefined; readonly state: string | undefined },
  page: PageRequest,
): Promise<Page<OperationRow & { page_at: string }>> {
  let query = tx
    .selectFrom("operations")
    .select(COLUMNS)
    .select(micros("created_at").as("page_at"))
    .where("organisation_id", "=", organisationId)
    .where(olderThan("created_at", "id", page.after));
  if (filter.resource !== undefined) query = query.where("resource_id", "=", filter.resource);
  if (filter.state !== undefined) query = query.where("state", "=", filter.state);
  const rows = await query
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(page.limit + 1)
    .execute();
  return toPage(rows, page.limit, (row) => row.id);
}

/** The latest operation of a kind on a resource. */
export async function latestOperation(tx: Tx, resourceId: string, kind: string): Promise<OperationRow | undefined> {
  return tx
    .selectFrom("operations")
    .select(COLUMNS)
    .where("resource_id", "=", resourceId)
    .where("kind", "=", kind)
    .orderBy("created_at", "desc")
    .limit(1)
    .executeTakeFirst();
}

/** Ends open operations of a resource that a later wish has made pointless. */
export async function cancelOpenOperations(tx: Tx, resourceId: string, because: string): Promise<void> {
  await tx
    .updateTable("operations")
    .set({
      state: "cancelled",
      error_code: "cancelled",
      error_message: because,
      updated_at: sql<Date>`now()`,
      done_at: sql<Date>`now()`,
    })
    .where("resource_id", "=", resourceId)
    .where("state", "in", ["pending", "running"])
    .execute();
}

/** Those of the given operations that have ended. */
export async function endedAmong(tx: Tx, ids: readonly string[]): Promise<readonly OperationRow[]> {
  return tx
    .selectFrom("operations")
    .select(COLUMNS)
    .where("id", "=", sql<string>`any(${ids})`)
    .where("state", "not in", ["pending", "running"])
    .execute();
}
