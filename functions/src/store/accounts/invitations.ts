/** Invitations of the organisation at hand that nobody has taken up yet. */
import type { Tx } from "../database.ts";
import { micros, olderThan, toPage, type Page, type PageRequest } from "../paging/cursor.ts";

export interface InvitationRow {
  readonly email: string;
  readonly role: string;
  readonly invited_by: string;
  readonly created_at: Date;
}

const COLUMNS = ["email", "role", "invited_by", "created_at"] as const;

/** Inviting again changes the role. */
export async function invite(
  tx: Tx,
  invitation: {
    readonly organisation_id: string;
    readonly email: string;
    readonly role: string;
    readonly invited_by: string;
  },
): Promise<InvitationRow> {
  const { role, invited_by } = invitation;
  return tx
    .insertInto("invitations")
    .values(invitation)
    .onConflict((conflict) => conflict.columns(["organisation_id", "email"]).doUpdateSet({ role, invited_by }))
    .returning(COLUMNS)
    .executeTakeFirstOrThrow();
}

export async function listInvitations(tx: Tx, page: PageRequest): Promise<Page<InvitationRow & { page_at: string }>> {
  const rows = await tx
    .selectFrom("invitations")
    .select(COLUMNS)
    .select(micros("created_at").as("page_at"))
    .where(olderThan("created_at", "email", page.after))
    .orderBy("created_at", "desc")
    .orderBy("email", "desc")
    .limit(page.limit + 1)
    .execute();
  return toPage(rows, page.limit, (row) => row.email);
}

export async function withdrawInvitation(tx: Tx, email: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom("invitations").where("email", "=", email).executeTakeFirst();
  return numDeletedRows > 0n;
}
