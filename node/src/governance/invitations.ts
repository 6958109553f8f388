/** Invitations of this node: issued without an op (a signature is all there is to them), used and revoked by one. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { identityRemoval, identityRow } from "../context/identities.ts";
import type { PublicKey } from "../model/ids.ts";
import type { NewInvitation, SignedInvitation } from "./contract.ts";
import type { Store } from "../storage/store.ts";
import { governanceCrypto, signText } from "./crypto.ts";
import type { Draft, Ledger } from "./ledger.ts";
import { CAPABILITY, has } from "./rules/capabilities.ts";
import type { Action, Invitation } from "./rules/op.ts";
import { invitationBytes } from "./rules/signing-bytes.ts";
import { standingOf } from "./rules/standing.ts";
import type { Signers } from "./signers.ts";

interface IssueParts {
  readonly ledger: Ledger;
  readonly signers: Signers;
  readonly clock: Clock;
  readonly random: Random;
}

/** Throws what everybody who meets the invitation would refuse it for: a group, a context or a right that is not there. */
export function issueInvitation(parts: IssueParts, input: NewInvitation): SignedInvitation {
  const { ledger, signers, clock, random } = parts;
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
  const invitation: Invitation = {
    inviter: signer.publicKey,
    groupId: input.groupId,
    issuedAtMs,
    expiresAtMs: input.expiresAtMs,
    salt: Buffer.from(random.bytes(32)).toString("hex"),
    once: input.once,
    ...(input.contextId === undefined ? {} : { contextId: input.contextId }),
    ...(input.invitee === undefined ? {} : { invitee: input.invitee }),
  };
  return { invitation, inviterSignature: signText(signer.secret, invitationBytes(invitation)) };
}

export async function joinByInvitation(
  { ledger, signers, store }: Pick<IssueParts, "ledger" | "signers"> & { readonly store: Store },
  signed: SignedInvitation,
  joiner: PublicKey | undefined,
): Promise<void> {
  const { groupId, contextId } = signed.invitation;
  const found = ledger.find(groupId);
  if (found === undefined) {
    throw new ShoalError("unavailable", "no node that this one can reach has the group of this invitation", {
      field: "invitation",
    });
  }
  const signer = signers.signerFor(groupId, joiner);
  const type = contextId === undefined ? "JoinWithInvitationClaim" : "MemberJoinedViaContextInvitation";
  const draft: Draft = { groupId, signer, action: { type, ...signed } };
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
