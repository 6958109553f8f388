/**
 * Joining by invitation: open (whoever holds it) or for one key, spent by its first use or not, revocable, expiring by the
 * joiner's clock as the op carries it. An invitation is worth what its inviter still may do at the moment it is used; its
 * signature is part of the op's form.
 */
import type { Hash } from "../../model/ids.ts";
import { CAPABILITY } from "./capabilities.ts";
import { can, contextOf, isAdmin, memberOf, onlyFor, standing, type Case, type Kinds, type Rule } from "./case.ts";
import { admit, change, changeContext } from "./changes.ts";
import { invitationBytes } from "./signing-bytes.ts";
import { LIMITS, type Group } from "./state.ts";
import { takesInvitation } from "./takes.ts";

type JoinOp = "JoinWithInvitationClaim" | "MemberJoinedViaContextInvitation";
type Join = Case<JoinOp>;

function nameOf(one: Join): Hash {
  return one.crypto.hash(invitationBytes(one.action.invitation));
}

function inviterMayInvite(one: Join): boolean {
  const inviter = standing(one, one.action.invitation.inviter);
  return inviter !== undefined && (inviter.capabilities & CAPABILITY.inviteMembers) !== 0;
}

/** Only somebody asked by name, after the removal, comes back in spite of it. */
function staysOut(one: Join): boolean {
  const since = one.group.denied.get(one.signer);
  const { invitee, issuedAtMs } = one.action.invitation;
  const byName = invitee === one.signer || invitee === one.key;
  return since !== undefined && !(byName && issuedAtMs > since);
}

const CLAIM: readonly Rule<JoinOp>[] = [
  {
    when: (one) => one.action.invitation.groupId !== one.group.id,
    then: "not_invited",
    because: "the invitation is for another group",
  },
  {
    when: (one) => one.action.invitation.expiresAtMs <= one.atMs,
    then: "expired",
    because: "the invitation has expired",
  },
  {
    when: (one) => ![undefined, one.signer, one.key].includes(one.action.invitation.invitee),
    then: "not_invited",
    because: "the invitation is for somebody else",
  },
  {
    when: (one) => one.group.spentInvitations.has(nameOf(one)),
    then: "spent",
    because: "the invitation was used up or revoked",
  },
  {
    when: (one) => !inviterMayInvite(one),
    then: "not_permitted",
    because: "who issued the invitation may not invite members (any more)",
  },
  {
    when: (one) => one.namespace.retiredDevices.has(one.key),
    then: "denied",
    because: "the device was unlinked",
  },
  { when: staysOut, then: "denied", because: "was removed, and not invited by name since" },
  {
    when: (one) => memberOf(one, one.signer) !== undefined,
    then: "already_exists",
    because: "is a member already",
  },
  {
    when: (one) => one.group.members.size >= LIMITS.members,
    then: "limit",
    because: `a group has at most ${LIMITS.members} members`,
  },
  {
    when: (one) => one.action.invitation.once && one.group.spentInvitations.size >= LIMITS.invitations,
    then: "limit",
    because: `a group remembers at most ${LIMITS.invitations} spent invitations`,
  },
];

function join(one: Join): ReturnType<typeof admit> {
  const namespace = admit(one, one.signer, "Member");
  if (!one.action.invitation.once) return namespace;
  const group = groupIn(namespace, one);
  return change({ ...one, namespace, group }, { spentInvitations: new Set(group.spentInvitations).add(nameOf(one)) });
}

const groupIn = (namespace: Join["namespace"], one: Join): Group => namespace.groups.get(one.group.id) ?? one.group;

export const INVITATION_KINDS: Kinds<JoinOp | "InvitationRevoked"> = {
  JoinWithInvitationClaim: { refuse: CLAIM, effect: join },
  MemberJoinedViaContextInvitation: {
    refuse: [
      {
        when: (one) => {
          const id = one.action.invitation.contextId;
          return id === undefined || contextOf(one, id) === undefined;
        },
        then: "not_found",
        because: "the invitation names no context of this group",
      },
      ...CLAIM,
    ],
    effect: (one) => {
      const { contextId: id, inviter } = one.action.invitation;
      const namespace = join(one);
      const context = id === undefined ? undefined : contextOf(one, id);
      if (id === undefined || context === undefined) return namespace;
      const host = standing(one, inviter);
      // The inviter opens a restricted context only if it was theirs to open.
      const opens = context.creator === inviter || (host?.admin === true && host.direct);
      if (context.visibility === "Open" || !opens) return namespace;
      const after = { ...one, namespace, group: groupIn(namespace, one) };
      return changeContext(after, id, { allowlist: new Set(context.allowlist).add(one.signer) });
    },
  },
  InvitationRevoked: {
    refuse: [
      onlyFor(
        (one) => isAdmin(one) || can(one, CAPABILITY.inviteMembers),
        "revoking takes an admin or CAN_INVITE_MEMBERS",
      ),
      {
        when: (one) => one.group.spentInvitations.has(one.action.invitation),
        then: "spent",
        because: "the invitation was used up or revoked",
      },
      {
        when: (one) => one.group.spentInvitations.size >= LIMITS.invitations,
        then: "limit",
        because: `a group remembers at most ${LIMITS.invitations} spent invitations`,
      },
    ],
    effect: (one) => change(one, { spentInvitations: new Set(one.group.spentInvitations).add(one.action.invitation) }),
    takes: (one) => takesInvitation(one.group.id, one.action.invitation),
  },
};
