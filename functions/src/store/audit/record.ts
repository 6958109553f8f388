/** Adds an entry to the audit log; it commits with what it tells of. */
import type { Tx } from "../database.ts";

export interface AuditRecord {
  readonly organisation_id: string;
  readonly actor_kind: "user" | "api_key" | "system";
  readonly actor_id: string;
  readonly action: string;
  readonly resource_kind: string;
  readonly resource_id: string;
  readonly request_id: string;
  readonly details: object;
}

export async function recordAudit(tx: Tx, record: AuditRecord): Promise<void> {
  await tx
    .insertInto("audit_log")
    .values({ ...record, details: JSON.stringify(record.details) })
    .execute();
}
