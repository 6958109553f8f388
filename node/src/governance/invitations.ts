/** Invitations of this node: issued without an op (a signature is all there is to them), used and revoked by one. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { identityRemoval, identityRow } from "../context/identities.ts";
import type { PublicKey } from "../model/ids.ts";
import type { Joiner, NewInvitation, SignedInvitation } from "./contract.ts";
import type { Store } from "../storage/store.ts";
import { governanceCrypto, signText } from "./crypto.ts";
import type { Draft, Ledger, Located } from "./ledger.ts";
import { CAPABILITY, has } from "./rules/capabilities.ts";
import type { Action, Invitation } from "./rules/op.ts";
import { actionShapes } from "./rules/shapes.ts";
import { invitationBytes } from "./rules/signing-bytes.ts";
import { standingOf } from "./rules/standing.ts";
import type { Signers } from "./signers.ts";

interface IssueParts {
  readonly ledger: Ledger;
  readonly signers: Signers;
  readonly clock: Clock;
  readonly random: Random;
  /** Where this node is reached, as its invitations say. */
  readonly addresses: () => readonly string[];
}

/** Throws what everybody who meets the invitation would refuse it for: a group, a context or a right that is not there. */
export function issueInvitation(parts: IssueParts, input: NewInvitation): SignedInvitation {
  const { ledger, signers, clock, random, addresses } = parts;
  const found = ledger.find(input.groupId);
  if (found === undefined) throw new ShoalError("not_found", "this node is in no such group", { field: "groupId" });
  if (input.contextId !== undefined && !found.group.contexts.has(input.contextId)) {
    throw new ShoalError("not_found", "the group has no such context", { field: "contextId" });
  }
  const issuedAtMs = clock.now();
  if (input.expiresAtMs <= issuedAtMs) {
    throw new ShoalError("invalid_argument", "an invitation expires in the future", { field: "expirationTimestamp" });
  }
  const signer = signers.signerFor(input.groupId, input.requester);
  const standing = standingOf(found.namespace, input.groupId, signer.publicKey);
  if (!has(standing?.capabilities ?? 0, CAPABILITY.inviteMembers)) {
    throw new ShoalError("permission_denied", "inviting takes an admin or CAN_INVITE_MEMBERS");
  }
  const genesis = ledger.book(found.namespace.id)?.history.genesis;
  const peers = addresses();
  const invitation: Invitation = {
    inviter: signer.publicKey,
    groupId: input.groupId,
    ...(genesis === undefined ? {} : { genesis }),
    issuedAtMs,
    expiresAtMs: Math.floor(input.expiresAtMs),
    salt: Buffer.from(random.bytes(32)).toString("hex"),
    once: input.once,
    ...(input.contextId === undefined ? {} : { contextId: input.contextId }),
    ...(input.invitee === undefined ? {} : { invitee: input.invitee }),
  };
  const inviterSignature = signText(signer.secret, invitationBytes(invitation));
  return { invitation, inviterSignature, ...(peers.length === 0 ? {} : { peers }) };
}

type JoinParts = Pick<IssueParts, "ledger" | "signers" | "clock"> & {
  readonly store: Store;
  /** undefined on a node without a network. */
  readonly joiner: Joiner | undefined;
};

/** Where the invitation leads; brings the log here where only others have it. */
async function destination({ ledger, joiner, clock }: JoinParts, signed: SignedInvitation): Promise<Located> {
  const { invitation, inviterSignature } = signed;
  const here = ledger.find(invitation.groupId);
  if (here !== undefined) return here;
  if (!governanceCrypto.verify(invitation.inviter, invitationBytes(invitation), inviterSignature)) {
    throw new ShoalError("permission_denied", "the invitation is not signed by the inviter it names", {
      field: "invitation",
    });
  }
  if (invitation.expiresAtMs <= clock.now()) {
    throw new ShoalError("permission_denied", "the invitation has expired", { field: "invitation" });
  }
  await joiner?.bring(signed);
  const brought = ledger.find(invitation.groupId);
  if (brought !== undefined) return brought;
  throw new ShoalError("unavailable", "no node that this one can reach has the group of this invitation", {
    field: "invitation",
  });
}

export async function joinByInvitation(
  parts: JoinParts,
  signed: SignedInvitation,
  joiner: PublicKey | undefined,
): Promise<void> {
  const { ledger, signers, store } = parts;
  const { invitation, inviterSignature } = signed;
  const { groupId, contextId } = invitation;
  const found = await destination(parts, signed);
  const signer = signers.signerFor(groupId, joiner);
  const type = contextId === undefined ? "JoinWithInvitationClaim" : "MemberJoinedViaContextInvitation";
  const draft: Draft = { groupId, signer, action: { type, invitation, inviterSignature } };
  // A key that joins a context acts in it from then on; while nobody used it, it stood under no context.
  const own =
    contextId === undefined
      ? []
      : [identityRow(contextId, signer.publicKey, signer.secret), identityRemoval(undefined, signer.publicKey)];
  await ledger.submit(
    found.namespace.id,
    () => [draft],
    async (rows) => {
      await store.apply([...rows, ...own]);
      await store.durable();
    },
  );
}

export function revocationOf(invitation: Invitation): Action {
  return { type: "InvitationRevoked", invitation: governanceCrypto.hash(invitationBytes(invitation)) };
}

/** Characters of an invitation's JSON. */
const MAX_INVITATION = 64 * 1024;

/** An invitation as nodes hand it to each other (JSON); throws `invalid_argument` for anything else, `payload_too_large` beyond its bound. */
export function parseInvitation(json: string): SignedInvitation {
  if (json.length > MAX_INVITATION) throw new ShoalError("payload_too_large", "an invitation is smaller");
  const type = "JoinWithInvitationClaim";
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ShoalError("invalid_argument", "expected an invitation in JSON", { field: "invitation", cause });
  }
  const { invitation, inviterSignature } = (value ?? {}) as Partial<SignedInvitation>;
  if (actionShapes.get(type)?.safeParse({ type, invitation, inviterSignature }).success !== true) {
    throw new ShoalError("invalid_argument", "expected a signed invitation", { field: "invitation" });
  }
  return { invitation, inviterSignature } as SignedInvitation;
}
