/** Admission by attestation: a policy, and members who vouch that somebody's quote satisfies it. */
import { isAdmin, memberOf, onlyFor, type Case, type Kinds } from "./case.ts";
import { admit, change } from "./changes.ts";
import { LIMITS, type TeePolicy } from "./state.ts";
import { takesAdmission } from "./takes.ts";

type Attested = Case<"MemberJoinedViaTeeAttestation">;

/** The first thing about the evidence that the policy does not allow, in words; undefined where it satisfies it. */
function shortfall(
  policy: TeePolicy,
  { mrtd, rtmr, tcbStatus, mock }: Attested["action"]["evidence"],
): string | undefined {
  if (mock) return policy.acceptMock ? undefined : "mock quotes";
  if (!policy.allowedMrtd.includes(mrtd)) return "mrtd";
  if (!policy.allowedTcbStatuses.includes(tcbStatus)) return "TCB status";
  const register = policy.allowedRtmr.findIndex(
    (allowed, at) => allowed.length > 0 && !allowed.includes(rtmr[at] ?? ""),
  );
  return register < 0 ? undefined : `rtmr${register}`;
}

export const TEE_KINDS: Kinds<"TeeAdmissionPolicySet" | "MemberJoinedViaTeeAttestation"> = {
  TeeAdmissionPolicySet: {
    refuse: [
      onlyFor(isAdmin, "the admission policy is an admin's to set"),
      {
        when: ({ action: { policy } }) =>
          [policy.allowedMrtd, policy.allowedTcbStatuses, ...policy.allowedRtmr].some(
            (list) => list.length > LIMITS.measurements,
          ),
        then: "limit",
        because: `a policy lists at most ${LIMITS.measurements} values of a kind`,
      },
    ],
    effect: (one) => change(one, { teePolicy: one.action.policy }),
    takes: (one) => (one.group.teePolicy === undefined ? undefined : takesAdmission(one.group.id, one.action.policy)),
  },
  MemberJoinedViaTeeAttestation: {
    refuse: [
      onlyFor(
        (one) => one.standing !== undefined && one.standing.role !== "ReadOnlyTee",
        "only members vouch for an attestation, and not those who were admitted by one",
      ),
      {
        when: (one) => one.action.role !== "ReadOnlyTee" && one.action.role !== "ReadOnly",
        then: "not_permitted",
        because: "an attestation admits readers only",
      },
      { when: (one) => one.group.teePolicy === undefined, then: "not_attested", because: "the group has no policy" },
      {
        when: (one) =>
          one.group.teePolicy !== undefined && shortfall(one.group.teePolicy, one.action.evidence) !== undefined,
        then: "not_attested",
        because: "the evidence does not satisfy the group's policy",
      },
      {
        when: (one) => one.group.spentQuotes.has(one.action.evidence.quoteHash),
        then: "spent",
        because: "the quote admitted somebody before",
      },
      {
        when: (one) => one.group.denied.has(one.action.member),
        then: "denied",
        because: "was removed from the group",
      },
      {
        when: (one) => memberOf(one, one.action.member) !== undefined,
        then: "already_exists",
        because: "is a member already",
      },
      {
        when: (one) => one.group.members.size >= LIMITS.members || one.group.spentQuotes.size >= LIMITS.quotes,
        then: "limit",
        because: `a group has at most ${LIMITS.members} members and remembers ${LIMITS.quotes} quotes`,
      },
    ],
    effect: (one) => {
      const namespace = admit(one, one.action.member, one.action.role);
      const group = namespace.groups.get(one.group.id) ?? one.group;
      const spentQuotes = new Set(group.spentQuotes).add(one.action.evidence.quoteHash);
      return change({ ...one, namespace, group }, { spentQuotes });
    },
  },
};
