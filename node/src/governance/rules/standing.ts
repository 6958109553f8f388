/**
 * What somebody is in a group: by a row of their own, or inherited from a group above through open groups only. Admins
 * inherit as admins; everybody else inherits bare membership, with what the group gives its members by default.
 */
import type { ApplicationId, ContextId, GroupId, PublicKey } from "../../model/ids.ts";
import { ALL_CAPABILITIES, CAPABILITY, CONTEXT_CAPABILITY, has } from "./capabilities.ts";
import { LIMITS, type Group, type GroupContext, type Member, type Namespace, type Role } from "./state.ts";

export interface Standing {
  readonly role: Role;
  /** The group whose member row it comes from. */
  readonly via: GroupId;
  readonly direct: boolean;
  readonly admin: boolean;
  /** Mask of `CAPABILITY`; admins have all, read-only members none. */
  readonly capabilities: number;
}

/** The group and those above it, nearest first; ends at the root, at the depth limit, or (`open`) at the first wall. */
export function* upward(namespace: Namespace, from: GroupId, open: boolean): Generator<Group> {
  let at: GroupId | undefined = from;
  for (let step = 0; at !== undefined && step <= LIMITS.depth; step++) {
    const group = namespace.groups.get(at);
    if (group === undefined) return;
    yield group;
    if (open && group.visibility === "Restricted") return;
    at = group.parent;
  }
}

/** The account that a linked device acts for; any other key is its own account. */
export function accountOf(namespace: Namespace, key: PublicKey): PublicKey {
  return namespace.devices.get(key) ?? key;
}

export function devicesOf(namespace: Namespace, account: PublicKey): readonly PublicKey[] {
  return [...namespace.devices].filter(([, owner]) => owner === account).map(([device]) => device);
}

/** `key`: of an account, or of a device linked to one. undefined: not a member, by no way. */
export function standingOf(namespace: Namespace, groupId: GroupId, key: PublicKey): Standing | undefined {
  const who = accountOf(namespace, key);
  let plain: Standing | undefined;
  let denied = false;
  for (const group of upward(namespace, groupId, true)) {
    const member = group.members.get(who);
    const direct = group.id === groupId;
    if (member?.role === "Admin") {
      return { role: "Admin", via: group.id, direct, admin: true, capabilities: ALL_CAPABILITIES };
    }
    if (member !== undefined && plain === undefined && !denied) {
      const home = namespace.groups.get(groupId) ?? group;
      const mask = direct ? (member.capabilities ?? group.defaultCapabilities) : home.defaultCapabilities;
      const capabilities = member.role === "Member" ? mask : 0;
      plain = { role: member.role, via: group.id, direct, admin: false, capabilities };
    }
    // Who was removed here inherits nothing from above, except that an admin above still rules here.
    denied ||= group.denied.has(who);
  }
  return plain;
}

/** Admin of the group or of any group above it, walls or not: rules whether a group exists, not what is in it. */
export function rulesFromAbove(namespace: Namespace, groupId: GroupId, who: PublicKey): boolean {
  for (const group of upward(namespace, groupId, false)) {
    if (group.members.get(who)?.role === "Admin") return true;
  }
  return false;
}

export type Access = "write" | "read" | "none";

/** What a member may do in a context: a restricted one is entered by direct admins, its creator and its allowlist only. */
export function accessTo(context: GroupContext, standing: Standing | undefined, who: PublicKey): Access {
  if (standing === undefined) return "none";
  const ownAdmin = standing.admin && standing.direct;
  const listed = context.creator === who || context.allowlist.has(who);
  if (context.visibility === "Restricted" && !ownAdmin && !listed) return "none";
  return standing.role === "Admin" || standing.role === "Member" ? "write" : "read";
}

/**
 * Whether somebody may move a context to a version: to the group's own whoever writes in it, since the group has decided; to
 * another one admins, MANAGE_APPLICATION, the context's creator, and who was given that right in this context.
 */
export function mayMove(
  group: Group,
  context: GroupContext,
  standing: Standing | undefined,
  who: PublicKey,
  target: { readonly id: ApplicationId; readonly version: string },
): boolean {
  if (standing === undefined || accessTo(context, standing, who) !== "write") return false;
  if (target.id === group.targetApplicationId && target.version === group.targetVersion) return true;
  if (standing.admin || has(standing.capabilities, CAPABILITY.manageApplication)) return true;
  return context.creator === who || holdsInContext(context, who, CONTEXT_CAPABILITY.manageApplication);
}

/** Whether a right within one context (a bit number of `CONTEXT_CAPABILITY`) was given to `who`. */
export function holdsInContext(context: GroupContext, who: PublicKey, capability: number): boolean {
  return has(context.capabilities.get(who) ?? 0, 1 << capability);
}

/** The group of the namespace that a context is registered in. */
export function groupOfContext(namespace: Namespace, contextId: ContextId): Group | undefined {
  for (const group of namespace.groups.values()) if (group.contexts.has(contextId)) return group;
  return undefined;
}

/** Groups below, nearest first, in a stable order; without `groupId` itself. */
export function descendantsOf(namespace: Namespace, groupId: GroupId): readonly Group[] {
  if (namespace.groups.size === 1) return [];
  const below = new Map<GroupId, Group[]>();
  for (const group of namespace.groups.values()) {
    if (group.parent === undefined) continue;
    const known = below.get(group.parent);
    if (known === undefined) below.set(group.parent, [group]);
    else known.push(group);
  }
  const found: Group[] = [];
  let level: readonly GroupId[] = [groupId];
  while (level.length > 0) {
    const next = level.flatMap((id) => below.get(id) ?? []).sort((a, b) => (a.id < b.id ? -1 : 1));
    found.push(...next);
    level = next.map((group) => group.id);
  }
  return found;
}

/** Steps from the root: 0 for the root itself. */
export function depthOf(namespace: Namespace, groupId: GroupId): number {
  return [...upward(namespace, groupId, false)].length - 1;
}

/** Whether members with an admin among them: asked of every group at every removal, and most groups did not change. */
const governed = new WeakMap<ReadonlyMap<PublicKey, Member>, boolean>();

function hasAdmin({ members }: Group): boolean {
  const known = governed.get(members);
  if (known !== undefined) return known;
  const found = members.values().some(({ role }) => role === "Admin");
  governed.set(members, found);
  return found;
}

/** The first group, if any, that nobody governs: without an admin of its own and closed to, or without, admins above. */
export function groupWithoutAdmin(namespace: Namespace): GroupId | undefined {
  for (const { id } of namespace.groups.values()) {
    if (!upward(namespace, id, true).some(hasAdmin)) return id;
  }
  return undefined;
}
