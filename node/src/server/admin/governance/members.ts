/** Handlers of `shared/src/wire/node/governance/members.ts`. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { memberEndpoints } from "@shoal/shared/wire/node/governance/members.ts";
import { devicesOf } from "../../../governance/rules/standing.ts";
import type { Member } from "../../../governance/rules/state.ts";
import type { PublicKey } from "../../../model/ids.ts";
import type { HandlersOf } from "../../call.ts";
import type { GovernanceParts } from "./parts.ts";
import { accountOf, labelView } from "./views.ts";

type Parts = Pick<GovernanceParts, "governance">;
type Handlers = HandlersOf<typeof memberEndpoints>;

export function memberHandlers(parts: Parts): Handlers {
  const { governance } = parts;
  return {
    ...memberQueries(parts),
    "members.add": async ({ params, body }) => {
      const actions = body.members.map(
        ({ identity, role }) => ({ type: "MemberAdded", member: identity, role }) as const,
      );
      await governance.act(params.group, actions, body.requester);
      return { data: {} };
    },
    "members.remove": async ({ params, body }) => {
      const actions = body.members.map((member) => ({ type: "MemberRemoved", member }) as const);
      await governance.act(params.group, actions, body.requester);
      return { data: {} };
    },
    "members.setRole": async ({ params, body }) => {
      const action = { type: "MemberRoleSet", member: params.member, role: body.role } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "members.setAlias": async ({ params, body }) => {
      const action = { type: "MemberAliasSet", member: params.member, alias: body.alias } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "members.setCapabilities": async ({ params, body }) => {
      const { capabilities } = body;
      const action = { type: "MemberCapabilitySet", member: params.member, capabilities } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "members.setAutoFollow": async ({ params, body }) => {
      const autoFollow = { contexts: body.autoFollowContexts, subgroups: body.autoFollowSubgroups };
      const action = { type: "MemberSetAutoFollow", member: params.member, autoFollow } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "members.leave": async ({ params, body }) => {
      await governance.act(params.group, [{ type: "MemberLeft" }], body.requester);
      return { data: {} };
    },
  };
}

type Row = readonly [PublicKey, Member];

const bySeniority = ([a, one]: Row, [b, two]: Row): number => one.depth - two.depth || (a < b ? -1 : 1);

function memberQueries({
  governance,
}: Parts): Pick<Handlers, "members.list" | "members.capabilities" | "members.devices"> {
  return {
    "members.list": async ({ params }) => {
      const members = [...governance.group(params.group).group.members].sort(bySeniority);
      const isMember = governance.standing(params.group, governance.account) !== undefined;
      return {
        data: members.map(([identity, { role, metadata }]) => {
          const { alias } = labelView(metadata);
          return { identity, role, ...(alias === undefined ? {} : { alias }) };
        }),
        members: members.map(([identity, { role, metadata }]) => {
          const { name } = labelView(metadata);
          return { identity: accountOf(identity), role, ...(name === undefined ? {} : { name }) };
        }),
        ...(isMember ? { selfIdentity: governance.account } : {}),
      };
    },
    "members.capabilities": async ({ params }) => {
      const standing = governance.standing(params.group, params.member);
      if (standing === undefined)
        throw new ShoalError("not_found", "the group has no such member", { field: "member" });
      return { data: { capabilities: standing.capabilities } };
    },
    "members.devices": async ({ params }) => {
      const { namespace, group } = governance.group(params.group);
      const view = (key: PublicKey) => {
        const id = accountOf(key);
        return { deviceId: id, signingKey: id, isSelf: key === governance.account };
      };
      return {
        data: [...group.members].sort(bySeniority).map(([member]) => ({
          account: accountOf(member),
          devices: [member, ...devicesOf(namespace, member)].map(view),
        })),
      };
    },
  };
}
