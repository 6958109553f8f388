/** The audit log, newest first. Entries are written by units (`unit.ts`), with what they tell of. */
import type { AuditEntry } from "@shoal/shared/wire/endpoints/audit.ts";
import { listAudit, type AuditRow } from "../store/audit/list.ts";
import type { Database } from "../store/database.ts";
import type { Handlers } from "./call.ts";
import { pageBody, pageRequest } from "./paging.ts";
import { ok } from "./reply.ts";

export function auditHandlers(database: Pick<Database, "asTenant">): Pick<Handlers, "audit.list"> {
  return {
    "audit.list": async ({ caller, query }) => {
      const { id } = caller.organisation;
      const filter = { resource: query.resource };
      const page = await database.asTenant(id, (tx) => listAudit(tx, id, filter, pageRequest(query)));
      return ok(pageBody(page, shown));
    },
  };
}

const KINDS = ["user", "api_key", "system"] as const;

function shown(row: AuditRow): AuditEntry {
  return {
    id: row.id,
    at: row.at.toISOString(),
    actor: { kind: KINDS.find((kind) => kind === row.actor_kind) ?? "system", id: row.actor_id },
    action: row.action,
    resource_kind: row.resource_kind,
    resource_id: row.resource_id,
    request_id: row.request_id,
    details: { ...(row.details as object) },
  };
}
