/** Tells the event feed; it commits with what it tells of. */
import type { Tx } from "../database.ts";

export interface EventRecord {
  readonly organisation_id: string;
  readonly kind: string;
  readonly resource_kind: string;
  readonly resource_id: string;
  readonly generation: number | null;
  readonly reason: string;
  readonly message: string;
  readonly trace_id: string | null;
}

export async function addEvent(tx: Tx, event: EventRecord): Promise<void> {
  await tx.insertInto("events").values(event).execute();
}
