/** One organisation, and its name. */
import type { Tx } from "../database.ts";

export interface OrganisationRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly plan: string;
  readonly created_at: Date;
}

export async function organisationById(tx: Tx, id: string): Promise<OrganisationRow | undefined> {
  return tx.selectFrom("organisations").selectAll().where("id", "=", id).executeTakeFirst();
}

export async function organisationBySlug(tx: Tx, slug: string): Promise<OrganisationRow | undefined> {
  return tx.selectFrom("organisations").selectAll().where("slug", "=", slug).executeTakeFirst();
}

export async function renameOrganisation(tx: Tx, id: string, name: string): Promise<OrganisationRow> {
  return tx.updateTable("organisations").set({ name }).where("id", "=", id).returningAll().executeTakeFirstOrThrow();
}
