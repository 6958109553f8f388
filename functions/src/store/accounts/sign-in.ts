/**
 * Who signs in: the user of an identity provider's (issuer, subject), made on first sight. The row is locked until the
 * transaction ends, so that two first sign-ins at once open one organisation and not two.
 */
import type { Tx } from "../database.ts";

export interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
}

export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  readonly email: string;
  readonly name: string;
}

/** `newId` is used only if the user is new. */
export async function signIn(tx: Tx, identity: Identity, newId: string): Promise<UserRow> {
  await tx
    .insertInto("users")
    .values({ id: newId, ...identity })
    .onConflict((conflict) => conflict.columns(["issuer", "subject"]).doNothing())
    .execute();
  const user = await tx
    .selectFrom("users")
    .select(["id", "email", "name"])
    .where("issuer", "=", identity.issuer)
    .where("subject", "=", identity.subject)
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (user.email === identity.email && user.name === identity.name) return user;
  // The provider is where a person changes their name and address.
  const { email, name } = identity;
  await tx.updateTable("users").set({ email, name }).where("id", "=", user.id).execute();
  return { id: user.id, email, name };
}
