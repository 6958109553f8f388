/** Sessions of people. The token is kept as a hash. */
import type { Tx } from "../database.ts";

export async function createSession(
  tx: Tx,
  session: {
    readonly id: string;
    readonly organisation_id: string;
    readonly user_id: string;
    readonly token_hash: Buffer;
    readonly expires_at: Date;
  },
): Promise<void> {
  await tx.insertInto("sessions").values(session).execute();
}

export async function revokeSession(tx: Tx, id: string, now: Date): Promise<void> {
  await tx
    .updateTable("sessions")
    .set({ revoked_at: now })
    .where("id", "=", id)
    .where("revoked_at", "is", null)
    .execute();
}
