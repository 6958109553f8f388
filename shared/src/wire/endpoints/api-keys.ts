/** API keys: credentials for programs, within scopes. The token is shown once and kept as a hash. */
import { z } from "zod";
import { ACCOUNT_LIMITS, SCOPES } from "../../model/account.ts";
import { displayNameSchema, idSchema, instantSchema } from "../ids.ts";
import { defineEndpoint } from "./endpoint.ts";
import { pageOf, pageQuery } from "./page.ts";

export const apiKeySchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  token_hint: z.string().describe("the token's first characters, to recognise it by"),
  scopes: z.array(z.enum(SCOPES)),
  created_by: z.string(),
  created_at: instantSchema,
  expires_at: instantSchema.nullable(),
  last_used_at: instantSchema.nullable().describe("to the minute"),
  revoked_at: instantSchema.nullable(),
});
export type ApiKey = z.output<typeof apiKeySchema>;

const key = z.strictObject({ id: idSchema });

export const apiKeyEndpoints = [
  defineEndpoint({
    id: "api-keys.create",
    method: "POST",
    path: "/api/v1/api-keys",
    scope: "accounts:write",
    summary: "Makes an API key with at most the caller's own scopes; its token is in this answer and nowhere else",
    body: z.strictObject({
      name: displayNameSchema(ACCOUNT_LIMITS.nameMaxLength),
      scopes: z
        .array(z.enum(SCOPES))
        .min(1)
        .max(SCOPES.length)
        .refine((scopes) => new Set(scopes).size === scopes.length, "names a scope twice"),
      expires_at: instantSchema
        .optional()
        .describe(`at most ${ACCOUNT_LIMITS.apiKeyMaxDays} days ahead; default: never`),
    }),
    responses: { 201: z.strictObject({ api_key: apiKeySchema, token: z.string().describe("shown once") }) },
    errors: ["permission_denied", "plan_limit_exceeded"],
    confidential: true,
  }),
  defineEndpoint({
    id: "api-keys.list",
    method: "GET",
    path: "/api/v1/api-keys",
    scope: "accounts:read",
    summary: "API keys, newest first, revoked ones included",
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(apiKeySchema) },
  }),
  defineEndpoint({
    id: "api-keys.get",
    method: "GET",
    path: "/api/v1/api-keys/{id}",
    scope: "accounts:read",
    summary: "One API key",
    params: key,
    responses: { 200: apiKeySchema },
    errors: ["not_found"],
  }),
  defineEndpoint({
    id: "api-keys.revoke",
    method: "DELETE",
    path: "/api/v1/api-keys/{id}",
    scope: "accounts:write",
    summary: "Revokes an API key; every instance refuses it within 5 s",
    params: key,
    responses: { 200: apiKeySchema },
    errors: ["not_found"],
  }),
] as const;
