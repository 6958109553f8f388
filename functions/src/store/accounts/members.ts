/** Members of the organisation at hand, with their roles. */
import type { Tx } from "../database.ts";
import { micros, newerThan, toPage, type Page, type PageRequest } from "../paging/cursor.ts";

export interface MemberRow {
  readonly user_id: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly created_at: Date;
}

const COLUMNS = ["m.user_id", "u.email", "u.name", "m.role", "m.created_at"] as const;

/** In the order in which they joined. */
export async function listMembers(tx: Tx, page: PageRequest): Promise<Page<MemberRow & { page_at: string }>> {
  const rows = await tx
    .selectFrom("memberships as m")
    .innerJoin("users as u", "u.id", "m.user_id")
    .select(COLUMNS)
    .select(micros("m.created_at").as("page_at"))
    .where(newerThan("m.created_at", "m.user_id", page.after))
    .orderBy("m.created_at")
    .orderBy("m.user_id")
    .limit(page.limit + 1)
    .execute();
  return toPage(rows, page.limit, (row) => row.user_id);
}

export async function findMember(tx: Tx, userId: string): Promise<MemberRow | undefined> {
  return tx
    .selectFrom("memberships as m")
    .innerJoin("users as u", "u.id", "m.user_id")
    .select(COLUMNS)
    .where("m.user_id", "=", userId)
    .executeTakeFirst();
}
