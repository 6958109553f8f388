/** Handlers of `shared/src/wire/node/governance/settings.ts`. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { settingsEndpoints } from "@shoal/shared/wire/node/governance/settings.ts";
import type { Metadata, TeePolicy } from "../../../governance/rules/state.ts";
import type { HandlersOf } from "../../call.ts";
import { contextIn } from "./group-contexts.ts";
import type { GovernanceParts } from "./parts.ts";
import { metadataView, visibilityOf } from "./views.ts";

type Parts = Pick<GovernanceParts, "governance">;
type Handlers = HandlersOf<typeof settingsEndpoints>;
type MetadataHandlers = Pick<Handlers, Extract<keyof Handlers, `metadata.${string}`>>;

const NO_POLICY: TeePolicy = {
  allowedMrtd: [],
  allowedRtmr: [[], [], [], []],
  allowedTcbStatuses: [],
  acceptMock: false,
};

export function settingsHandlers(parts: Parts): Handlers {
  const { governance } = parts;
  return {
    ...metadataHandlers(parts),
    "settings.setDefaultCapabilities": async ({ params, body }) => {
      const action = { type: "DefaultCapabilitiesSet", capabilities: body.defaultCapabilities } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "settings.setDefaultVisibility": async ({ params, body }) => {
      const action = { type: "DefaultVisibilitySet", visibility: visibilityOf(body.defaultVisibility) } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "settings.setSubgroupVisibility": async ({ params, body }) => {
      const action = { type: "SubgroupVisibilitySet", visibility: visibilityOf(body.subgroupVisibility) } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "settings.teePolicy": async ({ params }) => {
      const policy = governance.group(params.group).group.teePolicy ?? NO_POLICY;
      const [rtmr0, rtmr1, rtmr2, rtmr3] = policy.allowedRtmr;
      return {
        data: {
          allowedMrtd: [...policy.allowedMrtd],
          allowedRtmr0: [...rtmr0],
          allowedRtmr1: [...rtmr1],
          allowedRtmr2: [...rtmr2],
          allowedRtmr3: [...rtmr3],
          allowedTcbStatuses: [...policy.allowedTcbStatuses],
          acceptMock: policy.acceptMock,
        },
      };
    },
    "settings.setTeePolicy": async ({ params, body }) => {
      const policy: TeePolicy = {
        allowedMrtd: body.allowedMrtd,
        allowedRtmr: [body.allowedRtmr0, body.allowedRtmr1, body.allowedRtmr2, body.allowedRtmr3],
        allowedTcbStatuses: body.allowedTcbStatuses,
        acceptMock: body.acceptMock,
      };
      await governance.act(params.group, [{ type: "TeeAdmissionPolicySet", policy }], body.requester);
      return { data: {} };
    },
    "settings.setGroupAlias": async ({ params, body }) => {
      await governance.act(params.group, [{ type: "GroupAliasSet", alias: body.alias }], body.requester);
      return { data: {} };
    },
  };
}

function metadataHandlers({ governance }: Parts): MetadataHandlers {
  return {
    "metadata.group": async ({ params }) => ({ data: metadataView(governance.group(params.group).group.metadata) }),
    "metadata.setGroup": async ({ params, body }) => {
      const action = { type: "GroupMetadataSet", metadata: metadataOf(body) } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "metadata.member": async ({ params }) => {
      const member = governance.group(params.group).group.members.get(params.member);
      if (member === undefined) throw new ShoalError("not_found", "the group has no such member", { field: "member" });
      return { data: metadataView(member.metadata) };
    },
    "metadata.setMember": async ({ params, body }) => {
      const action = { type: "MemberMetadataSet", member: params.member, metadata: metadataOf(body) } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
    "metadata.context": async ({ params }) => ({
      data: metadataView(contextIn(governance, params.group, params.context).metadata),
    }),
    "metadata.setContext": async ({ params, body }) => {
      const action = { type: "ContextMetadataSet", contextId: params.context, metadata: metadataOf(body) } as const;
      await governance.act(params.group, [action], body.requester);
      return { data: {} };
    },
  };
}

function metadataOf({ name, data }: { readonly name: string | undefined; readonly data: Metadata["data"] }): Metadata {
  return { data, ...(name === undefined ? {} : { name }) };
}
