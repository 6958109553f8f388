/**
 * How much of a plan's limit is used. Far below the limit a plain count will do; close to it, requests of the organisation
 * queue up behind one lock, so that two cannot both take the last place.
 */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

const COUNT = {
  processors: sql`select from processors where terminated_at is null`,
  templates: sql`select from processor_templates where deleted_at is null`,
  api_keys: sql`select from api_keys where revoked_at is null and (expires_at is null or expires_at > now())`,
};
export type Counted = keyof typeof COUNT;

/** More requests than this are never in flight for one organisation at once. */
const SLACK = 500;

/** How many there are, counted no further than `limit`; exact whenever `limit` is near. */
export async function usageOf(tx: Tx, what: Counted, organisationId: string, limit: number): Promise<number> {
  const count = async (): Promise<number> => {
    const { rows } = await sql<{ n: string }>`
      select count(*) as n from (${COUNT[what]} and organisation_id = ${organisationId} limit ${limit}) as counted`.execute(
      tx,
    );
    return Number(rows[0]?.n ?? 0);
  };
  const roughly = await count();
  if (roughly + SLACK < limit) return roughly;
  await sql`select pg_advisory_xact_lock(hashtextextended(${`plan:${what}:${organisationId}`}, 0))`.execute(tx);
  return count();
}
