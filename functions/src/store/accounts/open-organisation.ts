/** Opens an organisation. Returns undefined where the slug is taken; nothing is written then. */
import type { Tx } from "../database.ts";
import type { OrganisationRow } from "./organisation.ts";

export async function openOrganisation(
  tx: Tx,
  organisation: { readonly id: string; readonly slug: string; readonly name: string; readonly plan: string },
  ownerId: string | undefined,
): Promise<OrganisationRow | undefined> {
  const row = await tx
    .insertInto("organisations")
    .values(organisation)
    .onConflict((conflict) => conflict.column("slug").doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row !== undefined && ownerId !== undefined)
    await tx.insertInto("memberships").values({ organisation_id: row.id, user_id: ownerId, role: "owner" }).execute();
  return row;
}
