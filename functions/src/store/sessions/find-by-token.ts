/**
 * The session of a token, with the member and the plan it acts under: one lookup by unique hash. Expired and revoked
 * sessions are found too, so that the caller can say which it is. A user who is no longer a member has none.
 */
import type { Tx } from "../database.ts";
import type { CredentialRow } from "../api-keys/find-by-token.ts";

export async function findSessionByToken(tx: Tx, tokenHash: Buffer): Promise<CredentialRow | undefined> {
  const row = await tx
    .selectFrom("sessions as s")
    .innerJoin("users as u", "u.id", "s.user_id")
    .innerJoin("memberships as m", (join) =>
      join.onRef("m.user_id", "=", "s.user_id").onRef("m.organisation_id", "=", "s.organisation_id"),
    )
    .innerJoin("organisations as o", "o.id", "s.organisation_id")
    .innerJoin("plans as p", "p.name", "o.plan")
    .select([
      "s.id",
      "s.expires_at",
      "s.last_used_at",
      "s.revoked_at",
      "u.id as user_id",
      "u.name",
      "u.email",
      "m.role",
    ])
    .select([
      "o.id as organisation_id",
      "o.slug",
      "o.name as organisation_name",
      "o.created_at as organisation_created_at",
    ])
    .select(["p.name as plan", "p.max_processors", "p.max_templates", "p.max_api_keys", "p.requests_per_minute"])
    .where("s.token_hash", "=", tokenHash)
    .executeTakeFirst();
  return row === undefined ? undefined : { ...row, scopes: null };
}
