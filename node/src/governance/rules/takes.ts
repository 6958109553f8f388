/**
 * What each kind of removal takes from a state (`Take` in case.ts): of whoever's row, right, way in or place it was. Each gives
 * back the very state where there is nothing to take, since that is how one tells that an op gave back what was taken.
 */
import type { ContextId, GroupId, Hash, PublicKey } from "../../model/ids.ts";
import type { Take } from "./case.ts";
import { expelled } from "./changes.ts";
import { descendantsOf } from "./standing.ts";
import { put, withGroup, type Group, type GroupContext, type Role, type TeePolicy } from "./state.ts";
import { fell } from "./trees.ts";

/** The lower, the less it may do. */
export const ROLE_RANK: Readonly<Record<Role, number>> = { ReadOnlyTee: 0, ReadOnly: 0, Member: 1, Admin: 2 };

/** Changes one group, where it is there and `change` has something to change. */
function inGroup(groupId: GroupId, change: (group: Group) => Group): Take {
  return (namespace) => {
    const group = namespace.groups.get(groupId);
    if (group === undefined) return namespace;
    const changed = change(group);
    return changed === group ? namespace : withGroup(namespace, changed);
  };
}

function inContext(groupId: GroupId, contextId: ContextId, change: (context: GroupContext) => GroupContext): Take {
  return inGroup(groupId, (group) => {
    const context = group.contexts.get(contextId);
    if (context === undefined) return group;
    const changed = change(context);
    return changed === context ? group : { ...group, contexts: put(group.contexts, contextId, changed) };
  });
}

/** Membership in a group and in all below it, and the way back in by an older invitation. */
export const takesMember =
  (groupId: GroupId, who: PublicKey, atMs: number): Take =>
  (namespace) =>
    inGroup(groupId, (group) => (group.denied.has(who) ? group : { ...group, denied: put(group.denied, who, atMs) }))(
      expelled(namespace, groupId, who),
    );

export const takesMembership =
  (groupId: GroupId, who: PublicKey): Take =>
  (namespace) =>
    expelled(namespace, groupId, who);

/** Whatever role is above `role`. */
export const takesRole = (groupId: GroupId, who: PublicKey, role: Role): Take =>
  inGroup(groupId, (group) => {
    const member = group.members.get(who);
    if (member === undefined || ROLE_RANK[member.role] <= ROLE_RANK[role]) return group;
    return { ...group, members: put(group.members, who, { ...member, role }) };
  });

/** Bits of a member's mask, also where they come by default. */
export const takesCapabilities = (groupId: GroupId, who: PublicKey, bits: number): Take =>
  inGroup(groupId, (group) => {
    const member = group.members.get(who);
    if (member === undefined) return group;
    const mask = member.capabilities ?? group.defaultCapabilities;
    if ((mask & bits) === 0) return group;
    return { ...group, members: put(group.members, who, { ...member, capabilities: mask & ~bits }) };
  });

export const takesDefaultCapabilities = (groupId: GroupId, bits: number): Take =>
  inGroup(groupId, (group) =>
    (group.defaultCapabilities & bits) === 0
      ? group
      : { ...group, defaultCapabilities: group.defaultCapabilities & ~bits },
  );

/** Ownership, from whoever handed it over and from nobody else. */
export const takesOwnership = (groupId: GroupId, from: PublicKey, to: PublicKey): Take =>
  inGroup(groupId, (group) => (group.owner === from ? { ...group, owner: to } : group));

/** What flows in from above. */
export const takesInheritance = (groupId: GroupId): Take =>
  inGroup(groupId, (group) => (group.visibility === "Restricted" ? group : { ...group, visibility: "Restricted" }));

/** What flowed in where the group hung before; nothing where it could not hang where it was moved to. */
export const takesParent =
  (groupId: GroupId, to: GroupId): Take =>
  (namespace) => {
    const below = descendantsOf(namespace, groupId).some(({ id }) => id === to);
    if (below || to === groupId || !namespace.groups.has(to)) return namespace;
    return inGroup(groupId, (group) => (group.parent === to ? group : { ...group, parent: to }))(namespace);
  };

/** The group and all below it, with whatever is in them. */
export const takesGroup =
  (groupId: GroupId): Take =>
  (namespace) =>
    namespace.groups.has(groupId) ? fell(namespace, groupId) : namespace;

export const takesContext = (groupId: GroupId, contextId: ContextId): Take =>
  inGroup(groupId, (group) =>
    group.contexts.has(contextId) ? { ...group, contexts: put(group.contexts, contextId, undefined) } : group,
  );

/** The way in without being listed. */
export const takesOpenness = (groupId: GroupId, contextId: ContextId): Take =>
  inContext(groupId, contextId, (context) =>
    context.visibility === "Restricted" ? context : { ...context, visibility: "Restricted" },
  );

export const takesListed = (groupId: GroupId, contextId: ContextId, dropped: readonly PublicKey[]): Take =>
  inContext(groupId, contextId, (context) => {
    if (!dropped.some((who) => context.allowlist.has(who))) return context;
    const gone = new Set(dropped);
    return { ...context, allowlist: new Set([...context.allowlist].filter((who) => !gone.has(who))) };
  });

export const takesContextCapability = (groupId: GroupId, contextId: ContextId, who: PublicKey, bit: number): Take =>
  inContext(groupId, contextId, (context) => {
    const mask = context.capabilities.get(who) ?? 0;
    const left = mask & ~(1 << bit);
    if (left === mask) return context;
    return { ...context, capabilities: put(context.capabilities, who, left === 0 ? undefined : left) };
  });

export const takesInvitation = (groupId: GroupId, invitation: Hash): Take =>
  inGroup(groupId, (group) =>
    group.spentInvitations.has(invitation)
      ? group
      : { ...group, spentInvitations: new Set(group.spentInvitations).add(invitation) },
  );

/** Admission by any other policy. */
export const takesAdmission = (groupId: GroupId, policy: TeePolicy): Take =>
  inGroup(groupId, (group) => {
    const before = group.teePolicy;
    if (before === undefined || JSON.stringify(before) === JSON.stringify(policy)) return group;
    return { ...group, teePolicy: policy };
  });
