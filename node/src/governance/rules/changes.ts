/** The few changes that several kinds of op make. */
import type { ContextId, GroupId, PublicKey } from "../../model/ids.ts";
import type { Case } from "./case.ts";
import type { ActionType, GroupSeed } from "./op.ts";
import { descendantsOf } from "./standing.ts";
import { INITIAL_CAPABILITIES } from "./capabilities.ts";
import {
  put,
  withGroup,
  type Group,
  type GroupContext,
  type Member,
  type Metadata,
  type MetadataRecord,
  type Namespace,
  type Role,
} from "./state.ts";

const utf8 = new TextEncoder();

/** What a case's signer writes of a name, or of everything; what is left out of a name or of the data stays as it was. */
export function metadataBy(
  { signer, atMs }: Pick<Case<ActionType>, "signer" | "atMs">,
  before: MetadataRecord | undefined,
  { name = before?.name, data = before?.data ?? {} }: Partial<Metadata>,
): MetadataRecord {
  return { ...(name === undefined ? {} : { name }), data, atMs, by: signer };
}

/** The moment of an op: the signer's clock, and the length of the chain of ops up to it. */
type Moment = Pick<Case<ActionType>, "atMs" | "depth">;

export function newMember(role: Role, by: PublicKey, { atMs, depth }: Moment): Member {
  return { role, autoFollow: { contexts: true, subgroups: false }, sinceMs: atMs, depth, by };
}

/** A group whose only member is `creator`, its owner and admin. */
export function newGroup(
  id: GroupId,
  parent: GroupId | undefined,
  seed: GroupSeed,
  creator: PublicKey,
  moment: Moment,
): Group {
  const { atMs } = moment;
  return {
    id,
    ...(parent === undefined ? {} : { parent }),
    owner: creator,
    createdAtMs: atMs,
    appKey: seed.appKey,
    targetApplicationId: seed.applicationId,
    targetVersion: seed.version,
    upgradePolicy: seed.upgradePolicy,
    ...(seed.name === undefined ? {} : { metadata: { name: seed.name, data: {}, atMs, by: creator } }),
    visibility: seed.visibility,
    defaultVisibility: "Open",
    defaultCapabilities: INITIAL_CAPABILITIES,
    members: put<PublicKey, Member>(new Map(), creator, newMember("Admin", creator, moment)),
    denied: new Map(),
    contexts: new Map(),
    spentInvitations: new Set(),
    spentQuotes: new Set(),
  };
}

/** The namespace with the case's group changed. */
export function change(one: Case<ActionType>, to: Partial<Group>): Namespace {
  return withGroup(one.namespace, { ...one.group, ...to });
}

/** Changes one member; the caller's rules saw that there is one. */
export function changeMember(one: Case<ActionType>, who: PublicKey, to: Partial<Member>): Namespace {
  const member = one.group.members.get(who);
  return member === undefined
    ? one.namespace
    : change(one, { members: put(one.group.members, who, { ...member, ...to }) });
}

export function changeContext(one: Case<ActionType>, id: ContextId, to: Partial<GroupContext>): Namespace {
  const context = one.group.contexts.get(id);
  return context === undefined
    ? one.namespace
    : change(one, { contexts: put(one.group.contexts, id, { ...context, ...to }) });
}

/** Lets somebody in, which also lifts an earlier removal. */
export function admit(one: Case<ActionType>, who: PublicKey, role: Role): Namespace {
  return change(one, {
    members: put(one.group.members, who, newMember(role, one.signer, one)),
    denied: put(one.group.denied, who, undefined),
  });
}

/** The group without `who`: no row, no place on an allowlist, no context capability; ownership moves to its oldest admin. */
function without(group: Group, who: PublicKey): Group {
  let { contexts } = group;
  for (const [id, context] of group.contexts) {
    if (!context.allowlist.has(who) && !context.capabilities.has(who)) continue;
    const allowlist = new Set(context.allowlist);
    allowlist.delete(who);
    contexts = put(contexts, id, { ...context, allowlist, capabilities: put(context.capabilities, who, undefined) });
  }
  if (!group.members.has(who)) return contexts === group.contexts ? group : { ...group, contexts };
  const members = put(group.members, who, undefined);
  if (group.owner !== who) return { ...group, members, contexts };
  const heir = [...members]
    .filter(([, member]) => member.role === "Admin")
    .sort(([a, m], [b, n]) => m.depth - n.depth || (a < b ? -1 : 1))[0];
  return { ...group, members, contexts, owner: heir?.[0] ?? who };
}

/** Takes `who` out of a group and of every group below it; the very namespace where they are in none of them. */
export function expelled(namespace: Namespace, groupId: GroupId, who: PublicKey): Namespace {
  const top = namespace.groups.get(groupId);
  if (top === undefined) return namespace;
  let after = namespace;
  for (const group of [top, ...descendantsOf(namespace, groupId)]) {
    const left = without(group, who);
    if (left !== group) after = withGroup(after, left);
  }
  return after;
}

/** The namespace without a device, which is not to come back. */
export function retired(namespace: Namespace, device: PublicKey): Namespace {
  if (!namespace.devices.has(device) && namespace.retiredDevices.has(device)) return namespace;
  return {
    ...namespace,
    devices: put(namespace.devices, device, undefined),
    retiredDevices: new Set(namespace.retiredDevices).add(device),
  };
}

export function bytesIn(text: string): number {
  return utf8.encode(text).length;
}
