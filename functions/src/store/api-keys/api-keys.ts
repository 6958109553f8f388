/** API keys of the organisation at hand; the token is kept as a hash, so none of these can show it. */
import type { Tx } from "../database.ts";
import { micros, olderThan, toPage, type Page, type PageRequest } from "../paging/cursor.ts";

export interface ApiKeyRow {
  readonly id: string;
  readonly name: string;
  readonly token_hint: string;
  readonly scopes: readonly string[];
  readonly created_by: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
}

const COLUMNS = [
  "id",
  "name",
  "token_hint",
  "scopes",
  "created_by",
  "created_at",
  "expires_at",
  "last_used_at",
  "revoked_at",
] as const;

export async function createApiKey(
  tx: Tx,
  key: {
    readonly id: string;
    readonly organisation_id: string;
    readonly name: string;
    readonly token_hint: string;
    readonly token_hash: Buffer;
    readonly scopes: string[];
    readonly created_by: string;
    readonly expires_at: Date | null;
  },
): Promise<ApiKeyRow> {
  return tx.insertInto("api_keys").values(key).returning(COLUMNS).executeTakeFirstOrThrow();
}

export async function findApiKey(tx: Tx, id: string): Promise<ApiKeyRow | undefined> {
  return tx.selectFrom("api_keys").select(COLUMNS).where("id", "=", id).executeTakeFirst();
}

export async function listApiKeys(
  tx: Tx,
  organisationId: string,
  page: PageRequest,
): Promise<Page<ApiKeyRow & { page_at: string }>> {
  const rows = await tx
    .selectFrom("api_keys")
    .select(COLUMNS)
    .select(micros("created_at").as("page_at"))
    .where("organisation_id", "=", organisationId)
    .where(olderThan("created_at", "id", page.after))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(page.limit + 1)
    .execute();
  return toPage(rows, page.limit, (row) => row.id);
}

/** Revoking again changes nothing; undefined where there is no such key. */
export async function revokeApiKey(tx: Tx, id: string, now: Date): Promise<ApiKeyRow | undefined> {
  await tx
    .updateTable("api_keys")
    .set({ revoked_at: now })
    .where("id", "=", id)
    .where("revoked_at", "is", null)
    .execute();
  return findApiKey(tx, id);
}
