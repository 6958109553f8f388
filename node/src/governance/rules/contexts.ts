/** Which contexts a group has, and who of its members may enter each. */
import { CAPABILITY, CONTEXT_CAPABILITY, MAX_CONTEXT_CAPABILITY } from "./capabilities.ts";
import {
  can,
  contextOf,
  isAdmin,
  isCreator,
  isDirectAdmin,
  onlyFor,
  standing,
  type Case,
  type Kinds,
  type Rule,
} from "./case.ts";
import { change, changeContext, metadataBy } from "./changes.ts";
import { checksMetadata, checksName } from "./metadata.ts";
import { groupOfContext, holdsInContext, rulesFromAbove } from "./standing.ts";
import { LIMITS, put } from "./state.ts";
import { takesContext, takesContextCapability, takesListed, takesOpenness } from "./takes.ts";

type OfContext =
  | "ContextDetached"
  | "ContextVisibilitySet"
  | "ContextAllowlistReplaced"
  | "ContextAliasSet"
  | "ContextMetadataSet"
  | "ContextCapabilityGranted"
  | "ContextCapabilityRevoked";

const notHere: Rule<OfContext> = {
  when: (one) => contextOf(one, one.action.contextId) === undefined,
  then: "not_found",
  because: "the context is not registered in this group",
};

/** Admins who only inherit stand before the wall of a restricted context, not behind it. */
const opensDoors = (one: Case<"ContextVisibilitySet" | "ContextAllowlistReplaced">): boolean =>
  isDirectAdmin(one) || (one.standing !== undefined && isCreator(one, one.action.contextId));

/** The list may also be kept by who was given that right in this context. */
const keepsList = (one: Case<"ContextAllowlistReplaced">): boolean => {
  const context = contextOf(one, one.action.contextId);
  const given = context !== undefined && holdsInContext(context, one.signer, CONTEXT_CAPABILITY.manageMembers);
  return opensDoors(one) || (given && one.standing !== undefined);
};

const labels = (one: Case<"ContextAliasSet" | "ContextMetadataSet">): boolean =>
  isAdmin(one) ||
  can(one, CAPABILITY.manageMetadata) ||
  (one.standing !== undefined && isCreator(one, one.action.contextId));

const grants: readonly Rule<"ContextCapabilityGranted" | "ContextCapabilityRevoked">[] = [
  onlyFor(
    (one) => isAdmin(one) || can(one, CAPABILITY.manageMembers),
    "context capabilities take an admin or MANAGE_MEMBERS",
  ),
  notHere,
  {
    when: (one) => standing(one, one.action.member) === undefined,
    then: "not_found",
    because: "is no member of the group",
  },
  {
    when: (one) => one.action.capability < 0 || one.action.capability > MAX_CONTEXT_CAPABILITY,
    then: "invalid",
    because: `a context capability is a bit number from 0 to ${MAX_CONTEXT_CAPABILITY}`,
  },
];

function withCapability(one: Case<"ContextCapabilityGranted" | "ContextCapabilityRevoked">, on: boolean) {
  const { contextId, member, capability } = one.action;
  const held = contextOf(one, contextId)?.capabilities ?? new Map();
  const bit = 1 << capability;
  const mask: number = on ? (held.get(member) ?? 0) | bit : (held.get(member) ?? 0) & ~bit;
  return changeContext(one, contextId, { capabilities: put(held, member, mask === 0 ? undefined : mask) });
}

export const CONTEXT_KINDS: Kinds<OfContext | "ContextRegistered" | "DefaultVisibilitySet"> = {
  ContextRegistered: {
    refuse: [
      onlyFor(
        (one) => isAdmin(one) || can(one, CAPABILITY.createContext),
        "registering a context takes an admin or CAN_CREATE_CONTEXT",
      ),
      {
        when: (one) => groupOfContext(one.namespace, one.action.contextId) !== undefined,
        then: "already_exists",
        because: "the context is registered already",
      },
      {
        when: (one) => standing(one, one.action.creator ?? one.signer) === undefined,
        then: "not_found",
        because: "the creator has to be a member of the group",
      },
      {
        when: (one) => one.group.contexts.size >= LIMITS.contexts,
        then: "limit",
        because: `a group has at most ${LIMITS.contexts} contexts`,
      },
      checksName((one) => one.action.name),
    ],
    effect: (one) => {
      const { contextId, creator = one.signer, name, service } = one.action;
      const context = {
        creator,
        visibility: one.group.defaultVisibility,
        allowlist: new Set([creator]),
        capabilities: new Map(),
        ...(name === undefined ? {} : { metadata: metadataBy(one, undefined, { name }) }),
        ...(service === undefined ? {} : { service }),
      };
      return change(one, { contexts: put(one.group.contexts, contextId, context) });
    },
  },
  ContextDetached: {
    refuse: [
      notHere,
      onlyFor(
        (one) => rulesFromAbove(one.namespace, one.group.id, one.signer),
        "detaching a context takes an admin of the group or of one above it",
      ),
    ],
    effect: (one) => change(one, { contexts: put(one.group.contexts, one.action.contextId, undefined) }),
    takes: (one) => takesContext(one.group.id, one.action.contextId),
  },
  DefaultVisibilitySet: {
    refuse: [
      onlyFor(
        (one) => isAdmin(one) || can(one, CAPABILITY.manageVisibility),
        "takes an admin or CAN_MANAGE_VISIBILITY",
      ),
    ],
    effect: (one) => change(one, { defaultVisibility: one.action.visibility }),
  },
  ContextVisibilitySet: {
    refuse: [notHere, onlyFor(opensDoors, "takes an admin of the group itself, or the context's creator")],
    effect: (one) => {
      const { contextId, visibility } = one.action;
      const context = contextOf(one, contextId);
      if (context === undefined) return one.namespace;
      return changeContext(one, contextId, { visibility, allowlist: new Set(context.allowlist).add(context.creator) });
    },
    takes: (one) =>
      one.action.visibility === "Restricted" && contextOf(one, one.action.contextId)?.visibility === "Open"
        ? takesOpenness(one.group.id, one.action.contextId)
        : undefined,
  },
  ContextAllowlistReplaced: {
    refuse: [
      notHere,
      onlyFor(keepsList, "takes an admin of the group itself, the context's creator, or ManageMembers in it"),
      {
        when: (one) => one.action.members.length > LIMITS.members,
        then: "limit",
        because: `an allowlist has at most ${LIMITS.members} members`,
      },
      {
        when: (one) => one.action.members.some((member) => standing(one, member) === undefined),
        then: "not_found",
        because: "who is to be allowed has to be a member of the group",
      },
    ],
    effect: (one) => changeContext(one, one.action.contextId, { allowlist: new Set(one.action.members) }),
    takes: (one) => {
      const kept = new Set(one.action.members);
      const dropped = [...(contextOf(one, one.action.contextId)?.allowlist ?? [])].filter((who) => !kept.has(who));
      return dropped.length === 0 ? undefined : takesListed(one.group.id, one.action.contextId, dropped);
    },
  },
  ContextAliasSet: {
    refuse: [
      notHere,
      onlyFor(labels, "takes an admin, CAN_MANAGE_METADATA or the context's creator"),
      checksName((one) => one.action.alias),
    ],
    effect: (one) => {
      const before = contextOf(one, one.action.contextId)?.metadata;
      return changeContext(one, one.action.contextId, {
        metadata: metadataBy(one, before, { name: one.action.alias }),
      });
    },
  },
  ContextMetadataSet: {
    refuse: [
      notHere,
      onlyFor(labels, "takes an admin, CAN_MANAGE_METADATA or the context's creator"),
      ...checksMetadata<"ContextMetadataSet">((one) => one.action.metadata),
    ],
    effect: (one) => {
      const before = contextOf(one, one.action.contextId)?.metadata;
      return changeContext(one, one.action.contextId, { metadata: metadataBy(one, before, one.action.metadata) });
    },
  },
  ContextCapabilityGranted: { refuse: grants, effect: (one) => withCapability(one, true) },
  ContextCapabilityRevoked: {
    refuse: grants,
    effect: (one) => withCapability(one, false),
    takes: ({ group, action: { contextId, member, capability } }) =>
      takesContextCapability(group.id, contextId, member, capability),
  },
};
