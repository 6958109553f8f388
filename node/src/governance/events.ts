/** What subscribers of a group hear of an op. */
import type { EventBus, GroupEventType } from "../model/event.ts";
import type { Change } from "./ledger.ts";
import type { Action } from "./rules/op.ts";
import { accountOf, standingOf } from "./rules/standing.ts";

const TYPES: Partial<Record<Action["type"], GroupEventType>> = {
  MemberAdded: "MemberAdded",
  MemberRemoved: "MemberRemoved",
  MemberLeft: "MemberRemoved",
  MemberJoinedOpen: "MemberJoined",
  JoinWithInvitationClaim: "MemberJoined",
  MemberJoinedViaContextInvitation: "MemberJoined",
  MemberJoinedViaTeeAttestation: "MemberJoined",
};

/** Of each op that counts, whoever made it. */
export function publishChange(events: EventBus, { book, ops, after }: Change): void {
  if (after === undefined) return;
  for (const { op, hash } of ops) {
    const type = TYPES[op.action.type];
    const verdict = type === undefined ? undefined : book.history.verdict(hash);
    if (type === undefined || verdict === undefined || "refused" in verdict) continue;
    const member = "member" in op.action ? op.action.member : accountOf(after, op.signer);
    const role = standingOf(after, op.groupId, member)?.role;
    const data = { member, by: op.signer, op: hash, ...(role === undefined ? {} : { role }) };
    events.publish({ groupId: op.groupId, event: { type, data } });
  }
}
