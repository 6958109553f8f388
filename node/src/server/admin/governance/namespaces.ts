/** Handlers of `shared/src/wire/node/governance/namespaces.ts`. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { namespaceEndpoints, namespaceSchema } from "@shoal/shared/wire/node/governance/namespaces.ts";
import type { z } from "zod";
import type { Group, Namespace } from "../../../governance/rules/state.ts";
import type { GroupId } from "../../../model/ids.ts";
import type { HandlersOf } from "../../call.ts";
import { byAge, childrenOf } from "./groups.ts";
import { inviteTo, joinBy } from "./invitations.ts";
import { invitationOf } from "./invitation-wire.ts";
import type { GovernanceParts } from "./parts.ts";
import { labelView, policyOf, secondsOf, visibilityOf } from "./views.ts";

type View = z.input<typeof namespaceSchema>;

export function namespaceHandlers(parts: GovernanceParts): HandlersOf<typeof namespaceEndpoints> {
  const { governance, clock } = parts;
  const rootOf = (id: GroupId): { readonly namespace: Namespace; readonly root: Group } => {
    const { namespace, group } = governance.group(id);
    if (namespace.id !== id) throw new ShoalError("not_found", "the group is no namespace", { field: "namespace" });
    return { namespace, root: group };
  };
  const all = (): { readonly namespace: Namespace; readonly root: Group }[] =>
    governance
      .namespaces()
      .map(({ id }) => rootOf(id))
      .sort((a, b) => byAge(a.root, b.root));
  const views = (list: ReturnType<typeof all>): View[] => list.map(({ namespace, root }) => viewOf(namespace, root));

  return {
    "namespaces.list": async () => ({ data: views(all()) }),
    "namespaces.create": async ({ body }) => ({
      data: {
        namespaceId: await governance.createGroup({
          applicationId: body.applicationId,
          upgradePolicy: policyOf(body.upgradePolicy, clock.now()),
          visibility: "Restricted",
          ...(body.appKey === undefined ? {} : { appKey: body.appKey }),
          ...(body.name === undefined ? {} : { name: body.name }),
        }),
      },
    }),
    "namespaces.get": async ({ params }) => {
      const { namespace, root } = rootOf(params.namespace);
      return { data: viewOf(namespace, root) };
    },
    "namespaces.delete": async ({ params, body }) => {
      await governance.deleteGroup(rootOf(params.namespace).root.id, body.requester);
      return { data: { isDeleted: true } };
    },
    "namespaces.forApplication": async ({ params }) => ({
      data: views(all().filter(({ root }) => root.targetApplicationId === params.applicationId)),
    }),
    "namespaces.groups": async ({ params }) => ({ data: childrenOf(governance, rootOf(params.namespace).root.id) }),
    "namespaces.createGroup": async ({ params, body }) => {
      const { root } = rootOf(params.namespace);
      const name = body.groupName ?? body.groupAlias;
      const groupId = await governance.createGroup({
        applicationId: root.targetApplicationId,
        appKey: root.appKey,
        upgradePolicy: root.upgradePolicy,
        parentId: root.id,
        visibility: visibilityOf(body.visibility),
        ...(name === undefined ? {} : { name }),
      });
      return { data: { groupId } };
    },
    "namespaces.invite": async ({ params, body }) => ({
      data: inviteTo(parts, rootOf(params.namespace).root.id, body),
    }),
    "namespaces.join": async ({ params, body }) => {
      if (invitationOf(body.invitation).invitation.groupId !== params.namespace) {
        throw new ShoalError("invalid_argument", "the invitation is to another group", { field: "invitation" });
      }
      return { data: { namespaceId: params.namespace, ...(await joinBy(parts, body.invitation, body.requester)) } };
    },
    "namespaces.leave": async ({ params, body }) => {
      await governance.act(rootOf(params.namespace).root.id, [{ type: "MemberLeft" }], body.requester);
      return { data: {} };
    },
  };
}

function viewOf(namespace: Namespace, root: Group): View {
  const { name } = labelView(root.metadata);
  return {
    namespaceId: namespace.id,
    appKey: root.appKey,
    targetApplicationId: root.targetApplicationId,
    upgradePolicy: root.upgradePolicy.type,
    createdAt: secondsOf(root.createdAtMs),
    ...(name === undefined ? {} : { name }),
    memberCount: root.members.size,
    contextCount: [...namespace.groups.values()].reduce((sum, { contexts }) => sum + contexts.size, 0),
    subgroupCount: namespace.groups.size - 1,
    appVersion: root.targetVersion,
  };
}
