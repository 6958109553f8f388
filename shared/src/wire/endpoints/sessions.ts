/** Signing in with an identity provider's token, and finding out who one is. */
import { z } from "zod";
import { SCOPES } from "../../model/account.ts";
import { instantSchema, slugSchema } from "../ids.ts";
import { defineEndpoint } from "./endpoint.ts";
import { organisationSchema, userSchema } from "./organisations.ts";

const planSchema = z.strictObject({
  name: z.string(),
  max_processors: z.int(),
  max_templates: z.int(),
  max_api_keys: z.int(),
  requests_per_minute: z.int(),
});

export const whoamiSchema = z.strictObject({
  organisation: organisationSchema,
  actor: z.strictObject({
    kind: z.enum(["user", "api_key"]),
    id: z.string(),
    name: z.string(),
    email: z.string().optional(),
  }),
  scopes: z.array(z.enum(SCOPES)),
  expires_at: instantSchema.nullable(),
  plan: planSchema,
});
export type Whoami = z.output<typeof whoamiSchema>;

export const sessionEndpoints = [
  defineEndpoint({
    id: "sessions.create",
    method: "POST",
    path: "/api/v1/sessions",
    scope: "public",
    summary: "Signs in with an OpenID Connect id token; the first time, an organisation is opened",
    body: z.strictObject({
      id_token: z.string().min(1).max(16_384),
      nonce: z.string().min(1).max(256).optional().describe("the nonce that the token must carry"),
      organisation: slugSchema.optional().describe("slug, for users of several; otherwise the first that they joined"),
    }),
    responses: {
      201: z.strictObject({
        token: z.string().describe("shown once"),
        expires_at: instantSchema,
        organisation: organisationSchema,
        user: userSchema,
      }),
    },
    errors: ["unauthenticated", "not_found"],
    confidential: true,
  }),
  defineEndpoint({
    id: "sessions.current",
    method: "GET",
    path: "/api/v1/sessions/current",
    scope: "authenticated",
    summary: "Who the credential is: organisation, actor, scopes and plan limits",
    responses: { 200: whoamiSchema },
  }),
  defineEndpoint({
    id: "sessions.end",
    method: "DELETE",
    path: "/api/v1/sessions/current",
    scope: "authenticated",
    summary: "Signs out: the session's token is void from now on",
    responses: { 204: "empty" },
    errors: ["permission_denied"],
  }),
] as const;
