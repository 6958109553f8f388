/** The audit log: who asked for what, when. Rows are only ever added. */
import { z } from "zod";
import { idSchema, instantSchema } from "../ids.ts";
import { defineEndpoint } from "./endpoint.ts";
import { pageOf, pageQuery } from "./page.ts";

export const auditEntrySchema = z.strictObject({
  id: z.string(),
  at: instantSchema,
  actor: z.strictObject({ kind: z.enum(["user", "api_key", "system"]), id: z.string() }),
  action: z.string(),
  resource_kind: z.string(),
  resource_id: z.string(),
  request_id: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type AuditEntry = z.output<typeof auditEntrySchema>;

export const auditEndpoints = [
  defineEndpoint({
    id: "audit.list",
    method: "GET",
    path: "/api/v1/audit",
    scope: "audit:read",
    summary: "Audit entries, newest first",
    query: z.strictObject({ ...pageQuery, resource: idSchema.optional().describe("id of the resource") }),
    responses: { 200: pageOf(auditEntrySchema) },
  }),
] as const;
