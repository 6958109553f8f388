/** The organisations that a user belongs to, the first joined first. */
import type { Tx } from "../database.ts";
import type { OrganisationRow } from "./organisation.ts";

export interface MembershipRow extends OrganisationRow {
  readonly role: string;
}

/** More than any person has; it keeps the answer bounded. */
const MOST = 200;

export async function membershipsOfUser(tx: Tx, userId: string): Promise<readonly MembershipRow[]> {
  return tx
    .selectFrom("memberships as m")
    .innerJoin("organisations as o", "o.id", "m.organisation_id")
    .select(["o.id", "o.slug", "o.name", "o.plan", "o.created_at", "m.role"])
    .where("m.user_id", "=", userId)
    .orderBy("m.created_at")
    .orderBy("o.id")
    .limit(MOST)
    .execute();
}
