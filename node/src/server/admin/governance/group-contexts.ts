/** Handlers of `shared/src/wire/node/governance/group-contexts.ts`. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { groupContextEndpoints } from "@shoal/shared/wire/node/governance/group-contexts.ts";
import { CONTEXT_CAPABILITY } from "../../../governance/rules/capabilities.ts";
import type { GroupContext } from "../../../governance/rules/state.ts";
import type { ContextId, GroupId } from "../../../model/ids.ts";
import type { HandlersOf } from "../../call.ts";
import type { GovernanceParts } from "./parts.ts";
import { labelView, visibilityOf, visibilityView } from "./views.ts";

const BITS = {
  ManageApplication: CONTEXT_CAPABILITY.manageApplication,
  ManageMembers: CONTEXT_CAPABILITY.manageMembers,
  Proxy: CONTEXT_CAPABILITY.proxy,
} as const;

export function groupContextHandlers({
  governance,
  bring,
}: Pick<GovernanceParts, "governance" | "bring">): HandlersOf<typeof groupContextEndpoints> {
  const groupOf = (contextId: ContextId): GroupId => {
    const groupId = governance.groupOf(contextId);
    if (groupId === undefined) throw new ShoalError("not_found", "the context is in no group here", { field: "id" });
    return groupId;
  };
  return {
    "groupContexts.list": async ({ params }) => ({
      data: [...governance.group(params.group).group.contexts].map(([contextId, { metadata }]) => ({
        contextId,
        ...labelView(metadata),
      })),
    }),
    "groupContexts.detach": async ({ params, body }) => {
      const action = { type: "ContextDetached", contextId: params.context } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "groupContexts.join": async ({ params, body }) => {
      contextIn(governance, params.group, body.contextId);
      await governance.joinContext(body.contextId);
      await bring?.(body.contextId);
      return { data: { contextId: body.contextId, memberPublicKey: governance.account } };
    },
    "groupContexts.visibility": async ({ params }) => {
      const { visibility, creator } = contextIn(governance, params.group, params.context);
      return { data: { mode: visibilityView(visibility), creator } };
    },
    "groupContexts.setVisibility": async ({ params, body }) => {
      const visibility = visibilityOf(body.mode);
      const action = { type: "ContextVisibilitySet", contextId: params.context, visibility } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "groupContexts.allowlist": async ({ params }) => ({
      data: [...contextIn(governance, params.group, params.context).allowlist],
    }),
    "groupContexts.changeAllowlist": async ({ params, body }) => {
      const members = new Set(contextIn(governance, params.group, params.context).allowlist);
      for (const member of body.add) members.add(member);
      for (const member of body.remove) members.delete(member);
      const action = {
        type: "ContextAllowlistReplaced",
        contextId: params.context,
        members: [...members],
      } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "groupContexts.grant": async ({ params, body }) => {
      const right = { contextId: params.id, member: body.granteeId, capability: BITS[body.capability] };
      const action = { type: "ContextCapabilityGranted", ...right } as const;
      await governance.act(groupOf(params.id), [action], body.granterId);
      return { data: {} };
    },
    "groupContexts.revoke": async ({ params, body }) => {
      const right = { contextId: params.id, member: body.revokeeId, capability: BITS[body.capability] };
      const action = { type: "ContextCapabilityRevoked", ...right } as const;
      await governance.act(groupOf(params.id), [action], body.revokerId);
      return { data: {} };
    },
  };
}

/** The group's entry of a context; throws `not_found` where it has none. */
export function contextIn(
  governance: GovernanceParts["governance"],
  groupId: GroupId,
  contextId: ContextId,
): GroupContext {
  const context = governance.group(groupId).group.contexts.get(contextId);
  if (context === undefined) throw new ShoalError("not_found", "the group has no such context", { field: "context" });
  return context;
}
