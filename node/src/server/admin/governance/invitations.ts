/** Handlers of `shared/src/wire/node/governance/invitations.ts`. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { inviteBody, invitationEndpoints, invitedSchema } from "@shoal/shared/wire/node/governance/invitations.ts";
import { NODE_CAPS } from "@shoal/shared/wire/node/values.ts";
import type { z } from "zod";
import { descendantsOf } from "../../../governance/rules/standing.ts";
import type { GroupId, PublicKey } from "../../../model/ids.ts";
import type { HandlersOf } from "../../call.ts";
import { expiryOf, invitationOf, invitationView } from "./invitation-wire.ts";
import type { GovernanceParts } from "./parts.ts";
import { accountOf, labelView } from "./views.ts";

type Parts = Pick<GovernanceParts, "governance" | "clock" | "bring">;

export function invitationHandlers(parts: Parts): HandlersOf<typeof invitationEndpoints> {
  const { governance, clock } = parts;
  return {
    "invitations.create": async ({ params, body }) => ({ data: inviteTo(parts, params.group, body) }),
    "invitations.revoke": async ({ params, body }) => {
      const { invitation } = invitationOf(body.invitation);
      await governance.revoke(params.group, invitation, body.requester);
      return { data: { revoked: true } };
    },
    "invitations.join": async ({ body }) => ({ data: await joinBy(parts, body.invitation, body.requester) }),
    "invitations.joinOpen": async ({ params }) => {
      const { wasInherited } = await governance.joinOpen(params.group);
      return { data: { groupId: params.group, memberPublicKey: governance.account, wasInherited } };
    },
    "invitations.createForContext": async ({ body }) => {
      const groupId = governance.groupOf(body.contextId);
      if (groupId === undefined) {
        throw new ShoalError("not_found", "the context is in no group here", { field: "contextId" });
      }
      const nowMs = clock.now();
      const ends = Math.ceil(nowMs / 1000) + body.validForSeconds;
      const signed = governance.invite({
        groupId,
        contextId: body.contextId,
        expiresAtMs: ends * 1000,
        once: false,
        requester: body.inviterId,
      });
      return { data: invitationView(signed, governance.group(groupId).group) };
    },
    "invitations.joinContext": async ({ body }) => {
      const signed = invitationOf(body.invitation);
      const { contextId } = signed.invitation;
      if (contextId === undefined) {
        throw new ShoalError("invalid_argument", "the invitation names no context", { field: "invitation" });
      }
      await governance.join(signed, body.newMemberPublicKey);
      await parts.bring?.(contextId);
      return { data: { contextId, memberPublicKey: body.newMemberPublicKey } };
    },
    "invitations.specializedNode": async ({ body }) => {
      if (governance.groupOf(body.contextId) === undefined) {
        throw new ShoalError("not_found", "the context is in no group here", { field: "contextId" });
      }
      throw new ShoalError("unavailable", "no attested machine is among this node's peers to be invited");
    },
  };
}

/** One invitation, or with `recursive` one for the group and for each group below it that the inviter may invite to. */
export function inviteTo(
  { governance, clock }: Parts,
  groupId: GroupId,
  body: z.output<typeof inviteBody>,
): z.input<typeof invitedSchema> {
  const expiresAtMs = expiryOf(clock.now(), body.expirationTimestamp, NODE_CAPS.validForSeconds);
  const { namespace, group } = governance.group(groupId);
  const issue = (id: GroupId) => {
    const signed = governance.invite({
      groupId: id,
      expiresAtMs,
      once: body.once,
      ...(body.invitee === undefined ? {} : { invitee: body.invitee }),
      ...(body.requester === undefined ? {} : { requester: body.requester }),
    });
    const to = governance.group(id).group;
    const { name } = labelView(to.metadata);
    return {
      invitation: invitationView(signed, to),
      ...(name === undefined ? {} : { groupName: name, groupAlias: name }),
    };
  };
  if (!body.recursive) return issue(groupId);
  const inviter = body.requester ?? governance.account;
  const below = descendantsOf(namespace, group.id).filter(({ id }) => governance.standing(id, inviter)?.admin === true);
  return {
    invitations: [group, ...below].map(({ id }) => {
      const { groupAlias: _, ...entry } = issue(id);
      return { groupId: id, ...entry };
    }),
  };
}

export async function joinBy(
  { governance }: Parts,
  wire: Parameters<typeof invitationOf>[0],
  joiner: PublicKey | undefined,
): Promise<{ groupId: string; memberIdentity: string; memberAccount: string }> {
  const signed = invitationOf(wire);
  await governance.join(signed, joiner);
  const member = joiner ?? governance.account;
  return { groupId: signed.invitation.groupId, memberIdentity: member, memberAccount: accountOf(member) };
}
