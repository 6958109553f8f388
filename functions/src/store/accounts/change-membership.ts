/**
 * Roles change and members leave. The owners' rows are locked in one order first, so that two owners who demote each other
 * at once cannot leave an organisation without one.
 */
import type { Tx } from "../database.ts";

/** Locks the organisation's owners and returns their user ids. */
export async function lockOwners(tx: Tx): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom("memberships")
    .select("user_id")
    .where("role", "=", "owner")
    .orderBy("user_id")
    .forUpdate()
    .execute();
  return rows.map((row) => row.user_id);
}

export async function setRole(tx: Tx, userId: string, role: string): Promise<void> {
  await tx.updateTable("memberships").set({ role }).where("user_id", "=", userId).execute();
}

/** Removes the member and voids their sessions here. */
export async function removeMember(tx: Tx, userId: string, now: Date): Promise<void> {
  await tx.deleteFrom("memberships").where("user_id", "=", userId).execute();
  await tx
    .updateTable("sessions")
    .set({ revoked_at: now })
    .where("user_id", "=", userId)
    .where("revoked_at", "is", null)
    .execute();
}
