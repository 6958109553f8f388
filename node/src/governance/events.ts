/** What subscribers of a group hear of an op. */
import type { EventBus, GroupEventType } from "../model/event.ts";
import type { LoggedOp } from "./rules/fold.ts";
import type { Action } from "./rules/op.ts";
import { standingOf } from "./rules/standing.ts";
import type { Namespace } from "./rules/state.ts";

const TYPES: Partial<Record<Action["type"], GroupEventType>> = {
  MemberAdded: "MemberAdded",
  MemberRemoved: "MemberRemoved",
  MemberLeft: "MemberRemoved",
  MemberJoinedOpen: "MemberJoined",
  JoinWithInvitationClaim: "MemberJoined",
  MemberJoinedViaContextInvitation: "MemberJoined",
  MemberJoinedViaTeeAttestation: "MemberJoined",
};

export function publishOp(events: EventBus, { op, hash }: LoggedOp, state: Namespace): void {
  const type = TYPES[op.action.type];
  if (type === undefined) return;
  const member = "member" in op.action ? op.action.member : op.signer;
  const role = standingOf(state, op.groupId, member)?.role;
  const data = { member, by: op.signer, op: hash, ...(role === undefined ? {} : { role }) };
  events.publish({ groupId: op.groupId, event: { type, data } });
}
