/** Changes what is asked for. Every change raises the generation, which is returned. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export interface IntentChange {
  readonly name?: string;
  readonly config?: object;
  readonly restart?: true;
  readonly deletionRequestedAt?: Date;
}

export async function changeIntent(tx: Tx, id: string, change: IntentChange): Promise<number> {
  const row = await tx
    .updateTable("processors")
    .set({
      generation: sql`generation + 1`,
      ...(change.name === undefined ? {} : { name: change.name }),
      ...(change.config === undefined ? {} : { config: JSON.stringify(change.config) }),
      ...(change.restart === undefined ? {} : { restarts_requested: sql<number>`restarts_requested + 1` }),
      ...(change.deletionRequestedAt === undefined ? {} : { deletion_requested_at: change.deletionRequestedAt }),
    })
    .where("id", "=", id)
    .returning("generation")
    .executeTakeFirstOrThrow();
  return Number(row.generation);
}
