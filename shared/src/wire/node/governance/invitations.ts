/** Invitations, and joining by them. */
import { z } from "zod";
import { dataOf, defineNodeEndpoint } from "../endpoint.ts";
import { contextIdSchema } from "../ids.ts";
import { NODE_CAPS, optionally } from "../values.ts";
import { hex32, memberSchema, nameSchema, ofGroup, requester } from "./values.ts";

/** Begins the line of text in which a signed invitation is carried by people: base64url of its JSON follows. */
export const INVITATION_MARK = "shoal1.";

const bytes32 = z.array(z.int().min(0).max(255)).length(32);
const unixSeconds = z.int().min(0).max(1e11);

/**
 * An invitation as clients carry it around: upstream's fields, with ours beside them. What is signed is the inner object;
 * clients pass the whole on as they got it.
 */
export const invitationSchema = z.looseObject({
  inviter_identity: bytes32,
  group_id: bytes32,
  context_id: bytes32.optional(),
  expiration_timestamp: unixSeconds,
  secret_salt: bytes32,
  invited_role: z.literal(1).default(1).describe("Member"),
  issued_at_ms: z.int().min(0),
  genesis: bytes32.optional().describe("the op that founded the namespace"),
  invitee: bytes32.optional(),
  once: z.boolean(),
});

export const signedInvitationSchema = z.looseObject({
  invitation: invitationSchema,
  inviter_signature: z.string().regex(/^[0-9a-fA-F]{128}$/, "expected 128 hex digits"),
  inviter_account: z.string().optional(),
  application_id: bytes32.optional(),
  app_key: bytes32.optional(),
  group_id: bytes32.optional(),
  peers: z
    .array(z.string().max(512))
    .max(16)
    .optional()
    .describe("multiaddresses at which the inviter's node is reached"),
});

/** Without a moment an invitation lasts a week; none lasts longer than `NODE_CAPS.validForSeconds`. */
export const inviteBody = z.object({
  expirationTimestamp: optionally(unixSeconds).describe("Unix seconds"),
  recursive: z.boolean().default(false).describe("one invitation for the group and each group below it"),
  invitee: optionally(memberSchema).describe("only this member may use it"),
  once: z.boolean().default(false).describe("spent by its first use"),
  ...requester,
});
export const invitedSchema = z.object({
  invitation: signedInvitationSchema.optional(),
  groupAlias: z.string().optional(),
  groupName: z.string().optional(),
  invitations: z
    .array(z.object({ groupId: z.string(), invitation: signedInvitationSchema, groupName: z.string().optional() }))
    .optional()
    .describe("where `recursive` was asked for"),
});
export const joinBody = z.object({
  invitation: signedInvitationSchema,
  groupAlias: optionally(nameSchema),
  groupName: optionally(nameSchema),
  ...requester,
});
export const joinErrors = ["not_found", "permission_denied", "already_exists", "conflict"] as const;

const ofThisContext = z.object({ contextId: contextIdSchema });

export const invitationEndpoints = [
  defineNodeEndpoint({
    id: "invitations.create",
    method: "POST",
    path: "/admin-api/groups/{group}/invite",
    permission: "group:manage[{group}]",
    summary: "Signs an invitation to a group",
    params: ofGroup,
    body: inviteBody,
    answer: dataOf(invitedSchema),
    generation: "G2 G3",
    errors: ["not_found", "permission_denied"],
  }),
  defineNodeEndpoint({
    id: "invitations.revoke",
    method: "POST",
    path: "/admin-api/groups/{group}/invite/revoke",
    permission: "group:manage[{group}]",
    summary: "Makes an invitation useless",
    params: ofGroup,
    body: z.object({ invitation: signedInvitationSchema, ...requester }),
    answer: dataOf(z.object({ revoked: z.boolean() })),
    generation: "shoal",
    errors: ["not_found", "permission_denied", "conflict"],
  }),
  defineNodeEndpoint({
    id: "invitations.join",
    method: "POST",
    path: "/admin-api/groups/join",
    permission: "group:create",
    summary: "Joins a group by invitation",
    body: joinBody,
    answer: dataOf(z.object({ groupId: z.string(), memberIdentity: z.string(), memberAccount: z.string() })),
    generation: "G2 G3",
    errors: joinErrors,
  }),
  defineNodeEndpoint({
    id: "invitations.joinOpen",
    method: "POST",
    path: "/admin-api/groups/{group}/join-via-inheritance",
    permission: "group:manage[{group}]",
    summary: "Writes down a membership that an open group inherits from above",
    params: ofGroup,
    body: z.object({}),
    answer: dataOf(z.object({ groupId: z.string(), memberPublicKey: z.string(), wasInherited: z.boolean() })),
    generation: "G3",
    errors: ["not_found", "permission_denied"],
  }),
  defineNodeEndpoint({
    id: "invitations.createForContext",
    method: "POST",
    path: "/admin-api/contexts/invite",
    permission: "context:invite",
    summary: "Signs an invitation to a context",
    body: ofThisContext.extend({
      inviterId: memberSchema,
      validForSeconds: z.int().min(1).max(NODE_CAPS.validForSeconds),
    }),
    answer: dataOf(signedInvitationSchema.nullable()),
    generation: "G2",
    errors: ["not_found", "permission_denied"],
  }),
  defineNodeEndpoint({
    id: "invitations.joinContext",
    method: "POST",
    path: "/admin-api/contexts/join",
    permission: "context:create",
    summary: "Joins a context by invitation, as a key that this node holds",
    body: z.object({ invitation: signedInvitationSchema, newMemberPublicKey: memberSchema }),
    answer: dataOf(z.object({ contextId: z.string(), memberPublicKey: z.string() })),
    generation: "G2",
    errors: joinErrors,
  }),
  defineNodeEndpoint({
    id: "invitations.specializedNode",
    method: "POST",
    path: "/admin-api/contexts/invite-specialized-node",
    permission: "context:invite",
    summary: "Asks attested machines among the peers to join a context",
    body: ofThisContext.extend({ inviterId: optionally(memberSchema) }),
    answer: dataOf(z.object({ nonce: z.string() })),
    generation: "G2",
    errors: ["not_found"],
  }),
] as const;

/** What a claim of ownership says of itself; bounds are upstream's. */
const proofBody = z.object({
  audience: z.string().min(1).max(256),
  subject: z.string().min(1).max(512),
  nonce: z.string().regex(/^(?:[0-9a-fA-F]{2}){16,64}$/, "expected 32 to 128 hex digits"),
  expiresAtMs: z.int().min(0),
});
const proofAnswer = z.object({
  signerPublicKey: z.string(),
  signedPayload: z.string(),
  signature: z.string(),
});

export const proofEndpoints = [
  defineNodeEndpoint({
    id: "proofs.group",
    method: "POST",
    path: "/admin-api/groups/{group}/issue-ownership-proof",
    permission: "group:manage[{group}]",
    summary: "Signs that this node's account owns the group, about one context, for at most five minutes",
    params: ofGroup,
    body: proofBody.extend({ contextId: hex32 }),
    answer: proofAnswer,
    generation: "G3",
    errors: ["not_found", "permission_denied"],
  }),
  defineNodeEndpoint({
    id: "proofs.namespace",
    method: "POST",
    path: "/admin-api/groups/{group}/issue-namespace-ownership-proof",
    permission: "group:manage[{group}]",
    summary: "Signs that this node's account owns the namespace, for at most five minutes",
    params: ofGroup,
    body: proofBody,
    answer: proofAnswer,
    generation: "G3",
    errors: ["not_found", "permission_denied"],
  }),
] as const;
