/** Handlers of `shared/src/wire/node/governance/groups.ts`. */
import { hex } from "@scure/base";
import type { groupEndpoints } from "@shoal/shared/wire/node/governance/groups.ts";
import type { Group } from "../../../governance/rules/state.ts";
import type { GroupId } from "../../../model/ids.ts";
import type { HandlersOf } from "../../call.ts";
import type { GovernanceParts } from "./parts.ts";
import { groupInfo, groupSummary, labelView, policyOf, visibilityOf } from "./views.ts";

export function groupHandlers({ governance, contexts, clock }: GovernanceParts): HandlersOf<typeof groupEndpoints> {
  return {
    "groups.list": async ({ query }) => {
      const all = governance.namespaces().flatMap(({ groups }) => [...groups.values()]);
      const page = all.sort(byAge).slice(query.offset, query.offset + query.limit);
      return { data: page.map(groupSummary) };
    },
    "groups.create": async ({ body }) => {
      const name = body.name ?? body.alias;
      const groupId = await governance.createGroup({
        applicationId: body.applicationId,
        upgradePolicy: policyOf(body.upgradePolicy, clock.now()),
        visibility: visibilityOf(body.visibility),
        ...(body.groupId === undefined ? {} : { groupId: body.groupId }),
        ...(body.appKey === undefined ? {} : { appKey: body.appKey }),
        ...(name === undefined ? {} : { name }),
        ...(body.parentGroupId === undefined ? {} : { parentId: body.parentGroupId }),
        ...(body.requester === undefined ? {} : { requester: body.requester }),
      });
      return { data: { groupId } };
    },
    "groups.get": async ({ params }) => {
      const { group } = governance.group(params.group);
      return { data: groupInfo(group, governance.upgrades.status(group.id)) };
    },
    "groups.update": async ({ params, body }) => {
      const policy = policyOf(body.upgradePolicy, clock.now());
      await governance.act(params.group, [{ type: "UpgradePolicySet", policy }], body.requester);
      return { data: {} };
    },
    "groups.delete": async ({ params, body }) => {
      await governance.deleteGroup(params.group, body.requester);
      return { data: { isDeleted: true } };
    },
    "groups.subgroups": async ({ params }) => ({ subgroups: childrenOf(governance, params.group) }),
    "groups.reparent": async ({ params, body }) => {
      const action = { type: "GroupReparented", newParentId: body.newParentId } as const;
      await governance.act(params.group, [action], body.requester);
      return { reparented: true };
    },
    "groups.sync": async ({ params }) => {
      const { group } = governance.group(params.group);
      for (const contextId of group.contexts.keys()) await contexts.sync(contextId);
      const { id, appKey, targetApplicationId, members } = group;
      return {
        data: {
          groupId: id,
          appKey,
          targetApplicationId,
          memberCount: members.size,
          contextCount: group.contexts.size,
        },
      };
    },
    "groups.signingKey": async ({ params, body }) => ({
      data: { publicKey: await governance.keepSigningKey(params.group, hex.decode(body.signingKey)) },
    }),
  };
}

/** Right below a group, oldest first. */
export function childrenOf(
  governance: GovernanceParts["governance"],
  groupId: GroupId,
): { groupId: string; name?: string }[] {
  const { namespace } = governance.group(groupId);
  return [...namespace.groups.values()]
    .filter(({ parent }) => parent === groupId)
    .sort(byAge)
    .map(({ id, metadata }) => {
      const { name } = labelView(metadata);
      return { groupId: id, ...(name === undefined ? {} : { name }) };
    });
}

export function byAge(a: Group, b: Group): number {
  return a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1);
}
