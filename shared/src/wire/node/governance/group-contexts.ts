/** Contexts of a group: which they are, and who may enter each. */
import { z } from "zod";
import { dataOf, defineNodeEndpoint, emptyData } from "../endpoint.ts";
import { contextIdSchema } from "../ids.ts";
import { NODE_CAPS } from "../values.ts";
import { memberSchema, ofContext, ofGroup, onlyRequester, requester, visibilitySchema } from "./values.ts";

const manage = "group:manage[{group}]";
const CONTEXT_CAPABILITIES = ["ManageApplication", "ManageMembers", "Proxy"] as const;
const capability = z.enum(CONTEXT_CAPABILITIES);
const ofThisContext = z.object({ id: contextIdSchema });

export const groupContextEndpoints = [
  defineNodeEndpoint({
    id: "groupContexts.list",
    method: "GET",
    path: "/admin-api/groups/{group}/contexts",
    permission: "group:list[{group}]",
    summary: "Contexts of a group",
    params: ofGroup,
    answer: dataOf(
      z.array(z.object({ contextId: z.string(), alias: z.string().optional(), name: z.string().optional() })),
    ),
    generation: "G2 G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "groupContexts.detach",
    method: "POST",
    path: "/admin-api/groups/{group}/contexts/{context}/remove",
    permission: manage,
    summary: "Takes a context out of the group",
    params: ofContext,
    body: onlyRequester,
    answer: emptyData,
    generation: "G2 G3",
    errors: ["not_found", "permission_denied"],
  }),
  defineNodeEndpoint({
    id: "groupContexts.join",
    method: "POST",
    path: "/admin-api/groups/{group}/join-context",
    permission: "context:create",
    summary: "Takes part in a context of the group as the node's account",
    params: ofGroup,
    body: z.object({ contextId: contextIdSchema }),
    answer: dataOf(z.object({ contextId: z.string(), memberPublicKey: z.string() })),
    generation: "G2",
    errors: ["not_found", "permission_denied"],
  }),
  defineNodeEndpoint({
    id: "groupContexts.visibility",
    method: "GET",
    path: "/admin-api/groups/{group}/contexts/{context}/visibility",
    permission: "group:list[{group}]",
    summary: "Who may enter: every member, or those on its list",
    params: ofContext,
    answer: dataOf(z.object({ mode: visibilitySchema, creator: z.string() })),
    generation: "G2",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "groupContexts.setVisibility",
    method: "PUT",
    path: "/admin-api/groups/{group}/contexts/{context}/visibility",
    permission: manage,
    summary: "Opens or restricts a context",
    params: ofContext,
    body: z.object({ mode: visibilitySchema, ...requester }),
    answer: emptyData,
    generation: "G2",
    errors: ["not_found", "permission_denied"],
  }),
  defineNodeEndpoint({
    id: "groupContexts.allowlist",
    method: "GET",
    path: "/admin-api/groups/{group}/contexts/{context}/allowlist",
    permission: "group:list[{group}]",
    summary: "Who may enter a restricted context",
    params: ofContext,
    answer: dataOf(z.array(z.string())),
    generation: "G2",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "groupContexts.changeAllowlist",
    method: "POST",
    path: "/admin-api/groups/{group}/contexts/{context}/allowlist",
    permission: manage,
    summary: "Adds to and removes from the list of a restricted context",
    params: ofContext,
    body: z.object({
      add: z.array(memberSchema).max(NODE_CAPS.pageLimit).default([]),
      remove: z.array(memberSchema).max(NODE_CAPS.pageLimit).default([]),
      ...requester,
    }),
    answer: emptyData,
    generation: "G2",
    errors: ["not_found", "permission_denied"],
  }),
  defineNodeEndpoint({
    id: "groupContexts.grant",
    method: "POST",
    path: "/admin-api/contexts/{id}/capabilities/grant",
    permission: "context:capabilities:grant[{id}]",
    summary: "Gives a member a right within one context",
    params: ofThisContext,
    body: z.object({ granterId: memberSchema, granteeId: memberSchema, capability }),
    answer: emptyData,
    generation: "G2",
    errors: ["not_found", "permission_denied"],
  }),
  defineNodeEndpoint({
    id: "groupContexts.revoke",
    method: "POST",
    path: "/admin-api/contexts/{id}/capabilities/revoke",
    permission: "context:capabilities:revoke[{id}]",
    summary: "Takes a right within one context away",
    params: ofThisContext,
    body: z.object({ revokerId: memberSchema, revokeeId: memberSchema, capability }),
    answer: emptyData,
    generation: "G2",
    errors: ["not_found", "permission_denied"],
  }),
] as const;
