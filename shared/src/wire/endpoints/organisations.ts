/** Organisations, their members, and the user who is signed in. */
import { z } from "zod";
import { ACCOUNT_LIMITS, ROLES } from "../../model/account.ts";
import { displayNameSchema, idSchema, instantSchema, slugSchema } from "../ids.ts";
import { defineEndpoint } from "./endpoint.ts";
import { pageOf, pageQuery } from "./page.ts";

export const organisationSchema = z.strictObject({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  plan: z.string(),
  created_at: instantSchema,
});
export type Organisation = z.output<typeof organisationSchema>;

export const userSchema = z.strictObject({ id: z.string(), email: z.string(), name: z.string() });

export const memberSchema = z.strictObject({
  user: userSchema,
  role: z.enum(ROLES),
  created_at: instantSchema,
});

export const invitationSchema = z.strictObject({
  email: z.string(),
  role: z.enum(ROLES),
  invited_by: z.string(),
  created_at: instantSchema,
});

const email = z.email().max(254).toLowerCase();
const member = z.strictObject({ user_id: idSchema });
const name = displayNameSchema(ACCOUNT_LIMITS.nameMaxLength);

export const organisationEndpoints = [
  defineEndpoint({
    id: "organisations.create",
    method: "POST",
    path: "/api/v1/organisations",
    scope: "authenticated",
    summary: "Opens another organisation, owned by the signed-in user",
    body: z.strictObject({ name, slug: slugSchema.optional() }),
    responses: { 201: organisationSchema },
    errors: ["permission_denied", "already_exists"],
  }),
  defineEndpoint({
    id: "organisations.get",
    method: "GET",
    path: "/api/v1/organisations/current",
    scope: "accounts:read",
    summary: "The credential's organisation",
    responses: { 200: organisationSchema },
  }),
  defineEndpoint({
    id: "organisations.update",
    method: "PATCH",
    path: "/api/v1/organisations/current",
    scope: "accounts:write",
    summary: "Renames the organisation",
    body: z.strictObject({ name }),
    responses: { 200: organisationSchema },
  }),
  defineEndpoint({
    id: "members.list",
    method: "GET",
    path: "/api/v1/organisations/current/members",
    scope: "accounts:read",
    summary: "Members and their roles, in the order in which they joined",
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(memberSchema) },
  }),
  defineEndpoint({
    id: "members.put",
    method: "PUT",
    path: "/api/v1/organisations/current/members/{user_id}",
    scope: "accounts:write",
    summary: "Gives a member a role; only an owner makes or unmakes owners, and one always remains",
    params: member,
    body: z.strictObject({ role: z.enum(ROLES) }),
    responses: { 200: memberSchema },
    errors: ["not_found", "conflict", "permission_denied"],
  }),
  defineEndpoint({
    id: "members.delete",
    method: "DELETE",
    path: "/api/v1/organisations/current/members/{user_id}",
    scope: "accounts:write",
    summary: "Removes a member and ends their sessions in this organisation",
    params: member,
    responses: { 204: "empty" },
    errors: ["not_found", "conflict", "permission_denied"],
  }),
  defineEndpoint({
    id: "invitations.create",
    method: "POST",
    path: "/api/v1/organisations/current/invitations",
    scope: "accounts:write",
    summary: "Invites an e-mail address: whoever signs in with it, verified, becomes a member",
    body: z.strictObject({ email, role: z.enum(ROLES).default("member") }),
    responses: { 201: invitationSchema },
    errors: ["permission_denied", "conflict"],
  }),
  defineEndpoint({
    id: "invitations.list",
    method: "GET",
    path: "/api/v1/organisations/current/invitations",
    scope: "accounts:read",
    summary: "Invitations that nobody has taken up yet, newest first",
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(invitationSchema) },
  }),
  defineEndpoint({
    id: "invitations.delete",
    method: "DELETE",
    path: "/api/v1/organisations/current/invitations/{email}",
    scope: "accounts:write",
    summary: "Takes an invitation back",
    params: z.strictObject({ email: idSchema.max(254) }),
    responses: { 204: "empty" },
    errors: ["not_found"],
  }),
  defineEndpoint({
    id: "users.me",
    method: "GET",
    path: "/api/v1/users/me",
    scope: "authenticated",
    summary: "The signed-in user and the organisations they belong to",
    responses: {
      200: z.strictObject({
        user: userSchema,
        memberships: z.array(z.strictObject({ organisation: organisationSchema, role: z.enum(ROLES) })).max(200),
      }),
    },
    errors: ["permission_denied"],
  }),
] as const;
