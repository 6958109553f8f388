/** Who is in a group, and as what. */
import { ALL_CAPABILITIES, CAPABILITY } from "./capabilities.ts";
import { can, isAdmin, memberOf, onlyFor, standing, type Case, type Kinds, type Rule } from "./case.ts";
import { admit, change, changeMember, expelled } from "./changes.ts";
import { descendantsOf, standingOf } from "./standing.ts";
import { LIMITS, put } from "./state.ts";
import { ROLE_RANK, takesCapabilities, takesMember, takesMembership, takesOwnership, takesRole } from "./takes.ts";
import type { PublicKey } from "../../model/ids.ts";

type MemberOp =
  | "MemberAdded"
  | "MemberRemoved"
  | "MemberLeft"
  | "MemberRoleSet"
  | "MemberCapabilitySet"
  | "MemberSetAutoFollow"
  | "MemberJoinedOpen"
  | "TransferOwnership";

type OfMember = "MemberRoleSet" | "MemberCapabilitySet" | "MemberSetAutoFollow";

const manages = (one: Case<MemberOp>): boolean => isAdmin(one) || can(one, CAPABILITY.manageMembers);

const noSuchMember: Rule<OfMember> = {
  when: (one) => memberOf(one, one.action.member) === undefined,
  then: "not_found",
  because: "there is no such member in this group itself",
};

const fullGroup: Rule<MemberOp> = {
  when: (one) => one.group.members.size >= LIMITS.members,
  then: "limit",
  because: `a group has at most ${LIMITS.members} members`,
};

const rankBefore = (one: Case<"MemberRoleSet">): number => {
  const role = memberOf(one, one.action.member)?.role;
  return role === undefined ? 0 : ROLE_RANK[role];
};
const raises = (one: Case<"MemberRoleSet">): boolean => ROLE_RANK[one.action.role] > rankBefore(one);
const lowers = (one: Case<"MemberRoleSet">): boolean => ROLE_RANK[one.action.role] < rankBefore(one);

/** Whether `who` governs this group or one below it. */
function governsBelow(one: Case<MemberOp>, who: PublicKey): boolean {
  return [one.group, ...descendantsOf(one.namespace, one.group.id)].some(
    (group) => group.members.get(who)?.role === "Admin",
  );
}

export const MEMBER_KINDS: Kinds<MemberOp> = {
  MemberAdded: {
    refuse: [
      onlyFor(manages, "adding members takes an admin or MANAGE_MEMBERS"),
      {
        when: (one) => one.action.role === "Admin" && !isAdmin(one),
        then: "not_permitted",
        because: "only an admin makes admins",
      },
      {
        when: (one) => one.action.role === "ReadOnlyTee",
        then: "not_permitted",
        because: "that role is given by attestation only",
      },
      {
        when: (one) => one.namespace.retiredDevices.has(one.action.member),
        then: "denied",
        because: "is a device that was unlinked",
      },
      {
        when: (one) => memberOf(one, one.action.member) !== undefined,
        then: "already_exists",
        because: "is a member already; a role is changed by MemberRoleSet",
      },
      fullGroup,
    ],
    effect: (one) => admit(one, one.action.member, one.action.role),
  },
  MemberRemoved: {
    checksAdmins: true,
    refuse: [
      onlyFor(manages, "removing members takes an admin or MANAGE_MEMBERS"),
      {
        when: (one) => standing(one, one.action.member) === undefined,
        then: "not_found",
        because: "is no member, neither here nor by inheritance",
      },
      {
        when: (one) => one.group.owner === one.action.member,
        then: "owner_stays",
        because: "the owner stays until ownership is handed over",
      },
      {
        when: (one) => !isAdmin(one) && governsBelow(one, one.action.member),
        then: "not_permitted",
        because: "only an admin removes an admin, of this group or of one below it",
      },
      {
        when: (one) =>
          memberOf(one, one.action.member) === undefined && standing(one, one.action.member)?.admin === true,
        then: "not_permitted",
        because: "an admin of a group above is removed there",
      },
      {
        when: (one) => one.group.denied.size >= LIMITS.denied,
        then: "limit",
        because: `a group remembers at most ${LIMITS.denied} removed members`,
      },
    ],
    effect: (one) => {
      const namespace = expelled(one.namespace, one.group.id, one.action.member);
      const group = namespace.groups.get(one.group.id) ?? one.group;
      return change({ ...one, namespace, group }, { denied: put(group.denied, one.action.member, one.atMs) });
    },
    takes: (one) => takesMember(one.group.id, one.action.member, one.atMs),
  },
  MemberLeft: {
    checksAdmins: true,
    refuse: [
      {
        when: (one) => memberOf(one, one.signer) === undefined,
        then: "not_found",
        because: "is no member of this group itself",
      },
      {
        when: (one) => one.group.owner === one.signer,
        then: "owner_stays",
        because: "the owner stays until ownership is handed over",
      },
    ],
    effect: (one) => expelled(one.namespace, one.group.id, one.signer),
    takes: (one) => takesMembership(one.group.id, one.signer),
  },
  MemberRoleSet: {
    checksAdmins: true,
    refuse: [
      onlyFor(isAdmin, "roles are an admin's to set"),
      noSuchMember,
      {
        when: (one) => one.group.owner === one.action.member && one.action.role !== "Admin",
        then: "owner_stays",
        because: "the owner is an admin until ownership is handed over",
      },
      {
        when: (one) => one.action.role === "ReadOnlyTee",
        then: "not_permitted",
        because: "that role is given by attestation only",
      },
    ],
    // Only what raises is a new beginning: who is lowered keeps the seniority that is left.
    effect: (one) =>
      changeMember(one, one.action.member, { role: one.action.role, ...(raises(one) ? { depth: one.depth } : {}) }),
    takes: (one) => {
      const { member, role } = one.action;
      return lowers(one) ? takesRole(one.group.id, member, role) : undefined;
    },
  },
  MemberCapabilitySet: {
    refuse: [
      onlyFor(isAdmin, "capabilities are an admin's to give"),
      noSuchMember,
      {
        when: (one) => (one.action.capabilities & ~ALL_CAPABILITIES) !== 0,
        then: "invalid",
        because: "the mask has bits without meaning",
      },
    ],
    effect: (one) => changeMember(one, one.action.member, { capabilities: one.action.capabilities }),
    takes: (one) => {
      const held = memberOf(one, one.action.member)?.capabilities ?? one.group.defaultCapabilities;
      const bits = held & ~one.action.capabilities;
      return bits === 0 ? undefined : takesCapabilities(one.group.id, one.action.member, bits);
    },
  },
  MemberSetAutoFollow: {
    refuse: [
      onlyFor((one) => one.signer === one.action.member || isAdmin(one), "only the member or an admin sets it"),
      noSuchMember,
    ],
    effect: (one) => changeMember(one, one.action.member, { autoFollow: one.action.autoFollow }),
  },
  MemberJoinedOpen: {
    refuse: [
      {
        when: (one) => memberOf(one, one.signer) !== undefined,
        then: "already_exists",
        because: "is a member already",
      },
      {
        when: (one) => one.standing === undefined,
        then: "not_permitted",
        because:
          "inherits no membership: the group is restricted, or the signer was removed from it, or is in none above",
      },
      {
        when: (one) => !isAdmin(one) && !mayJoinOpen(one),
        then: "not_permitted",
        because: "joining open groups takes CAN_JOIN_OPEN_SUBGROUPS where the membership comes from",
      },
      fullGroup,
    ],
    // What is inherited is only written down: an admin above keeps ruling from above, a reader stays a reader.
    effect: (one) =>
      admit(one, one.signer, one.standing?.admin === true ? "Member" : (one.standing?.role ?? "ReadOnly")),
  },
  TransferOwnership: {
    refuse: [
      onlyFor((one) => one.group.owner === one.signer, "only the owner hands a group over"),
      {
        when: (one) => memberOf(one, one.action.newOwner)?.role !== "Admin",
        then: "invalid",
        because: "the new owner has to be an admin of this group itself",
      },
    ],
    effect: (one) => change(one, { owner: one.action.newOwner }),
    takes: (one) =>
      one.action.newOwner === one.signer ? undefined : takesOwnership(one.group.id, one.signer, one.action.newOwner),
  },
};

function mayJoinOpen(one: Case<"MemberJoinedOpen">): boolean {
  const home = one.standing?.via;
  const there = home === undefined ? undefined : standingOf(one.namespace, home, one.signer);
  return ((there?.capabilities ?? 0) & CAPABILITY.joinOpen) !== 0;
}
