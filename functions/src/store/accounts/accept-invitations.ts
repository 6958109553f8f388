/** Turns the invitations of a verified e-mail address into memberships, and says which organisations were joined. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export async function acceptInvitations(tx: Tx, email: string, userId: string): Promise<readonly string[]> {
  const { rows } = await sql<{ organisation_id: string }>`
    with taken as (delete from invitations where email = ${email.toLowerCase()} returning organisation_id, role)
    insert into memberships (organisation_id, user_id, role)
    select organisation_id, ${userId}, role from taken
    on conflict do nothing returning organisation_id`.execute(tx);
  return rows.map((row) => row.organisation_id);
}
