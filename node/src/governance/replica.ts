/** `GovernanceReplica` on the ledger: what `sync/` and contexts ask about logs, rights and keys. */
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ContextId, GroupId, PublicKey } from "../model/ids.ts";
import type { MoveTarget } from "../context/membership.ts";
import { createIdSet } from "../sync/protocols/id-set.ts";
import type { SignedInvitation } from "./contract.ts";
import { governanceCrypto } from "./crypto.ts";
import type { Following } from "./following.ts";
import { createKeyring, type KeyringInit } from "./keyring/keyring.ts";
import type { Change, Ledger } from "./ledger.ts";
import { CAPABILITY, has } from "./rules/capabilities.ts";
import type { GovernanceReplica } from "./replication.ts";
import { accessIn } from "./rules/access.ts";
import { encodeOp } from "./rules/parse.ts";
import { invitationBytes } from "./rules/signing-bytes.ts";
import { accountOf, groupOfContext, mayMove, standingOf } from "./rules/standing.ts";
import type { Namespace } from "./rules/state.ts";

export interface ReplicaInit extends KeyringInit {
  readonly clock: Clock;
  readonly following: Following;
}

export interface Replica {
  readonly replica: GovernanceReplica;
  /** After each change of a log. */
  readonly changed: (change: Change) => void;
}

type OpsListener = Parameters<GovernanceReplica["onOps"]>[0];

export function createReplica(init: ReplicaInit): Replica {
  const { ledger, clock, account, following } = init;
  const listeners = new Set<OpsListener>();
  const stateOf = (namespaceId: GroupId | undefined): Namespace | undefined =>
    namespaceId === undefined ? undefined : ledger.book(namespaceId)?.history.state;
  const replica: GovernanceReplica = {
    ...createKeyring(init),
    namespaces: () => [...ledger.books()].map(({ namespaceId }) => namespaceId),
    namespaceOf: (contextId) => ledger.namespaceOf(contextId),
    heads: (namespaceId) => ledger.book(namespaceId)?.history.heads ?? [],
    ids: async (namespaceId) => ledger.book(namespaceId)?.ids ?? createIdSet(),
    async ops(namespaceId, hashes) {
      const history = ledger.book(namespaceId)?.history;
      return hashes.map((hash) => {
        const logged = history?.get(hash);
        return logged && encodeOp(logged.op);
      });
    },
    receive: (namespaceId, ops) => ledger.receive(namespaceId, ops),
    missing(namespaceId, limit) {
      const book = ledger.book(namespaceId);
      const found = [];
      for (const parent of book?.room.wanted() ?? []) {
        if (found.length === limit) break;
        if (book?.history.has(parent) === false) found.push(parent);
      }
      return found;
    },
    expect: (namespaceId, genesis) => ledger.expect(namespaceId, genesis),
    rightNow(contextId, who) {
      const state = stateOf(ledger.namespaceOf(contextId));
      return state === undefined ? "none" : accessIn(state, contextId, who);
    },
    rightAt: (contextId, who, position) => rightAt(ledger, contextId, who, position),
    mayMoveAt: (contextId, who, position, target) => mayMoveAt(ledger, contextId, who, position, target),
    belongs: (namespaceId, who) => isMember(stateOf(namespaceId), who),
    mayShow(invitation, who) {
      const found = ledger.find(invitation.invitation.groupId);
      return found !== undefined && isWorth(found.namespace, invitation, who, clock.now())
        ? found.namespace.id
        : undefined;
    },
    invitationOf: (namespaceId) => invitationOf(ledger, namespaceId, account.publicKey),
    toFollow: () => following.toFollow(),
    onFollow: (listener) => following.onFollow(listener),
    onOps(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  return {
    replica,
    changed({ book, ops, own }) {
      if (listeners.size === 0) return;
      const encoded = ops.map(({ op }) => encodeOp(op));
      for (const listener of listeners) listener({ namespaceId: book.namespaceId, ops: encoded, own });
    },
  };
}

function rightAt(
  ledger: Ledger,
  contextId: ContextId,
  who: PublicKey,
  position: Parameters<GovernanceReplica["rightAt"]>[2],
): ReturnType<GovernanceReplica["rightAt"]> {
  const namespaceId = ledger.namespaceOf(contextId);
  const book = namespaceId === undefined ? undefined : ledger.book(namespaceId);
  // A log that nobody has told of the context yet may still do so.
  const state = book === undefined ? "unknown" : book.history.stateAt(position);
  if (state === "unknown") return state;
  return state === undefined ? "none" : accessIn(state, contextId, who);
}

function mayMoveAt(
  ledger: Ledger,
  contextId: ContextId,
  who: PublicKey,
  position: Parameters<GovernanceReplica["mayMoveAt"]>[2],
  target: MoveTarget,
): boolean {
  const namespaceId = ledger.namespaceOf(contextId);
  const book = namespaceId === undefined ? undefined : ledger.book(namespaceId);
  const state = book?.history.stateAt(position);
  if (state === undefined || state === "unknown") return false;
  const group = groupOfContext(state, contextId);
  const context = group?.contexts.get(contextId);
  if (group === undefined || context === undefined) return false;
  return mayMove(group, context, standingOf(state, group.id, who), accountOf(state, who), target);
}

/** Membership of any kind stems from a row of one's own somewhere. */
function isMember(namespace: Namespace | undefined, who: PublicKey): boolean {
  if (namespace === undefined) return false;
  const account = accountOf(namespace, who);
  return [...namespace.groups.values()].some((group) => group.members.has(account));
}

/** What the log would say to a claim made now; the holder's account stays unknown until it makes one. */
function isWorth(
  namespace: Namespace,
  { invitation, inviterSignature }: SignedInvitation,
  who: PublicKey,
  nowMs: number,
): boolean {
  const { inviter, invitee, groupId, expiresAtMs } = invitation;
  const bytes = invitationBytes(invitation);
  const standing = standingOf(namespace, groupId, inviter);
  return (
    expiresAtMs > nowMs &&
    (invitee === undefined || invitee === who) &&
    has(standing?.capabilities ?? 0, CAPABILITY.inviteMembers) &&
    namespace.groups.get(groupId)?.spentInvitations.has(governanceCrypto.hash(bytes)) === false &&
    governanceCrypto.verify(inviter, bytes, inviterSignature)
  );
}

/** The latest that the account claimed. */
function invitationOf(ledger: Ledger, namespaceId: GroupId, who: PublicKey): SignedInvitation | undefined {
  const claim = ledger
    .book(namespaceId)
    ?.arrivals.findLast(({ op }) => op.signer === who && "inviterSignature" in op.action);
  if (claim === undefined || !("inviterSignature" in claim.op.action)) return undefined;
  const { invitation, inviterSignature } = claim.op.action;
  return { invitation, inviterSignature };
}
