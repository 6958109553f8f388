/** Namespaces: root groups. */
import { z } from "zod";
import { dataOf, defineNodeEndpoint, emptyData } from "../endpoint.ts";
import { applicationIdSchema, groupIdSchema } from "../ids.ts";
import { optionally } from "../values.ts";
import { subgroupSchema } from "./groups.ts";
import { inviteBody, invitedSchema, joinBody, joinErrors } from "./invitations.ts";
import { hex32, nameSchema, onlyRequester, upgradePolicySchema, visibilitySchema } from "./values.ts";

const ofNamespace = z.object({ namespace: groupIdSchema });
const manage = "namespace:manage[{namespace}]";
const list = "namespace:list[{namespace}]";

/** `createdAt`: Unix seconds. */
export const namespaceSchema = z.object({
  namespaceId: z.string(),
  appKey: z.string(),
  targetApplicationId: z.string(),
  upgradePolicy: z.string(),
  createdAt: z.number(),
  name: z.string().optional(),
  memberCount: z.int(),
  contextCount: z.int(),
  subgroupCount: z.int(),
  appVersion: z.string().optional(),
});

export const namespaceEndpoints = [
  defineNodeEndpoint({
    id: "namespaces.list",
    method: "GET",
    path: "/admin-api/namespaces",
    permission: "namespace:list",
    summary: "Namespaces of this node",
    answer: dataOf(z.array(namespaceSchema)),
    generation: "G3",
  }),
  defineNodeEndpoint({
    id: "namespaces.create",
    method: "POST",
    path: "/admin-api/namespaces",
    permission: "namespace:create",
    summary: "Makes a namespace owned by the node's account",
    body: z.object({
      applicationId: applicationIdSchema,
      name: optionally(nameSchema),
      appKey: optionally(hex32),
      upgradePolicy: upgradePolicySchema.default("LazyOnAccess"),
    }),
    answer: dataOf(z.object({ namespaceId: z.string() })),
    generation: "G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "namespaces.get",
    method: "GET",
    path: "/admin-api/namespaces/{namespace}",
    permission: list,
    summary: "One namespace",
    params: ofNamespace,
    answer: dataOf(namespaceSchema),
    generation: "G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "namespaces.delete",
    method: "DELETE",
    path: "/admin-api/namespaces/{namespace}",
    permission: manage,
    summary: "Deletes a namespace that has no contexts",
    params: ofNamespace,
    body: onlyRequester,
    answer: dataOf(z.object({ isDeleted: z.boolean() })),
    generation: "G3",
    errors: ["not_found", "permission_denied", "conflict"],
  }),
  defineNodeEndpoint({
    id: "namespaces.forApplication",
    method: "GET",
    path: "/admin-api/namespaces/for-application/{applicationId}",
    permission: "namespace:list",
    summary: "Namespaces whose application it is",
    params: z.object({ applicationId: applicationIdSchema }),
    answer: dataOf(z.array(namespaceSchema)),
    generation: "G3",
  }),
  defineNodeEndpoint({
    id: "namespaces.groups",
    method: "GET",
    path: "/admin-api/namespaces/{namespace}/groups",
    permission: list,
    summary: "Groups right below the root",
    params: ofNamespace,
    answer: dataOf(z.array(subgroupSchema)),
    generation: "G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "namespaces.createGroup",
    method: "POST",
    path: "/admin-api/namespaces/{namespace}/groups",
    permission: manage,
    summary: "Makes a group right below the root, with the root's application",
    params: ofNamespace,
    body: z.object({
      groupName: optionally(nameSchema),
      groupAlias: optionally(nameSchema),
      visibility: visibilitySchema.default("restricted"),
    }),
    answer: dataOf(z.object({ groupId: z.string() })),
    generation: "G3",
    errors: ["not_found", "permission_denied"],
  }),
  defineNodeEndpoint({
    id: "namespaces.invite",
    method: "POST",
    path: "/admin-api/namespaces/{namespace}/invite",
    permission: manage,
    summary: "Signs an invitation to a namespace",
    params: ofNamespace,
    body: inviteBody,
    answer: dataOf(invitedSchema),
    generation: "G3",
    errors: ["not_found", "permission_denied"],
  }),
  defineNodeEndpoint({
    id: "namespaces.join",
    method: "POST",
    path: "/admin-api/namespaces/{namespace}/join",
    permission: "namespace:create",
    summary: "Joins a namespace by invitation",
    params: ofNamespace,
    body: joinBody,
    answer: dataOf(
      z.object({
        namespaceId: z.string(),
        groupId: z.string(),
        memberIdentity: z.string(),
        memberAccount: z.string(),
      }),
    ),
    generation: "G3",
    errors: joinErrors,
  }),
  defineNodeEndpoint({
    id: "namespaces.leave",
    method: "POST",
    path: "/admin-api/namespaces/{namespace}/leave",
    permission: manage,
    summary: "Leaves a namespace with all of its groups",
    params: ofNamespace,
    body: onlyRequester,
    answer: emptyData,
    generation: "G3",
    errors: ["not_found", "conflict"],
  }),
] as const;
