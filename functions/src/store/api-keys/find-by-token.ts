/**
 * The API key of a token, with the organisation and the plan it acts under: one lookup by unique hash. Expired and revoked
 * keys are found too, so that the caller can say which it is.
 */
import type { Tx } from "../database.ts";

/** What authentication reads of either kind of credential. */
export interface CredentialRow {
  readonly id: string;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
  /** The person; null for an API key. */
  readonly user_id: string | null;
  readonly name: string;
  readonly email: string | null;
  /** A person's role; null for an API key, which has scopes instead. */
  readonly role: string | null;
  readonly scopes: readonly string[] | null;
  readonly organisation_id: string;
  readonly slug: string;
  readonly organisation_name: string;
  readonly organisation_created_at: Date;
  readonly plan: string;
  readonly max_processors: number;
  readonly max_templates: number;
  readonly max_api_keys: number;
  readonly requests_per_minute: number;
}

export async function findApiKeyByToken(tx: Tx, tokenHash: Buffer): Promise<CredentialRow | undefined> {
  const row = await tx
    .selectFrom("api_keys as k")
    .innerJoin("organisations as o", "o.id", "k.organisation_id")
    .innerJoin("plans as p", "p.name", "o.plan")
    .select(["k.id", "k.expires_at", "k.last_used_at", "k.revoked_at", "k.name", "k.scopes"])
    .select([
      "o.id as organisation_id",
      "o.slug",
      "o.name as organisation_name",
      "o.created_at as organisation_created_at",
    ])
    .select(["p.name as plan", "p.max_processors", "p.max_templates", "p.max_api_keys", "p.requests_per_minute"])
    .where("k.token_hash", "=", tokenHash)
    .executeTakeFirst();
  return row === undefined ? undefined : { ...row, user_id: null, email: null, role: null };
}
