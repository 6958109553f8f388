/**
 * A first request's answer, kept under its key in the transaction of its intent. There is no row for a request under way:
 * an advisory lock that ends with the transaction says so, hence a first attempt that crashed leaves nothing to clean up.
 */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export interface StoredAnswer {
  readonly route: string;
  readonly request_hash: string;
  readonly response_status: number | null;
  readonly response_body: unknown;
}

export type Claim =
  /** Nobody has used the key: go ahead, then `keepAnswer`. */
  | { readonly kind: "new" }
  /** Another request with the key has not ended yet. */
  | { readonly kind: "in-use" }
  | { readonly kind: "answered"; readonly answer: StoredAnswer };

export async function claimKey(tx: Tx, organisationId: string, key: string): Promise<Claim> {
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended(${`idempotency:${organisationId}:${key}`}, 0)) as locked`.execute(
    tx,
  );
  if (rows[0]?.locked !== true) return { kind: "in-use" };
  const answer = await tx
    .selectFrom("idempotency_keys")
    .select(["route", "request_hash", "response_status", "response_body"])
    .where("organisation_id", "=", organisationId)
    .where("key", "=", key)
    .executeTakeFirst();
  return answer === undefined ? { kind: "new" } : { kind: "answered", answer };
}

export async function keepAnswer(
  tx: Tx,
  answer: {
    readonly organisation_id: string;
    readonly key: string;
    readonly route: string;
    readonly request_hash: string;
    readonly response_status: number;
    readonly response_body: object;
  },
): Promise<void> {
  await tx
    .insertInto("idempotency_keys")
    .values({ ...answer, response_body: JSON.stringify(answer.response_body) })
    .execute();
}
