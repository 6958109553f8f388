/** Invitations on the wire: upstream's field names, bytes as arrays of numbers, moments in Unix seconds. */
import { base58, hex } from "@scure/base";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { signedInvitationSchema } from "@shoal/shared/wire/node/governance/invitations.ts";
import type { z } from "zod";
import type { SignedInvitation } from "../../../governance/contract.ts";
import { groupBytes, groupIdOf } from "../../../governance/keys.ts";
import type { Group } from "../../../governance/rules/state.ts";
import { bytesOf, idOf, type ContextId, type Hash, type PublicKey } from "../../../model/ids.ts";
import { accountOf } from "./views.ts";

type Wire = z.output<typeof signedInvitationSchema>;

/** The role an invitation gives, as upstream numbers them: Member. */
const MEMBER = 1;

export function invitationView({ invitation, inviterSignature, peers }: SignedInvitation, group: Group): Wire {
  const groupBytesOf = [...groupBytes(invitation.groupId)];
  return {
    invitation: {
      inviter_identity: [...bytesOf(invitation.inviter)],
      group_id: groupBytesOf,
      ...(invitation.contextId === undefined ? {} : { context_id: [...bytesOf(invitation.contextId)] }),
      expiration_timestamp: invitation.expiresAtMs / 1000,
      secret_salt: [...hex.decode(invitation.salt)],
      invited_role: MEMBER,
      issued_at_ms: invitation.issuedAtMs,
      ...(invitation.genesis === undefined ? {} : { genesis: [...bytesOf(invitation.genesis)] }),
      ...(invitation.invitee === undefined ? {} : { invitee: [...bytesOf(invitation.invitee)] }),
      once: invitation.once,
    },
    inviter_signature: hex.encode(base58.decode(inviterSignature)),
    inviter_account: accountOf(invitation.inviter),
    application_id: [...bytesOf(group.targetApplicationId)],
    app_key: [...hex.decode(group.appKey)],
    group_id: groupBytesOf,
    ...(peers === undefined ? {} : { peers: [...peers] }),
  };
}

/** What was signed, rebuilt; a field that somebody changed makes another invitation, whose signature does not hold. */
export function invitationOf({ invitation, inviter_signature: signature, peers }: Wire): SignedInvitation {
  const { context_id: contextId, genesis, invitee } = invitation;
  return {
    invitation: {
      inviter: idOf<PublicKey>(Uint8Array.from(invitation.inviter_identity)),
      groupId: groupIdOf(Uint8Array.from(invitation.group_id)),
      ...(genesis === undefined ? {} : { genesis: idOf<Hash>(Uint8Array.from(genesis)) }),
      ...(contextId === undefined ? {} : { contextId: idOf<ContextId>(Uint8Array.from(contextId)) }),
      issuedAtMs: invitation.issued_at_ms,
      expiresAtMs: invitation.expiration_timestamp * 1000,
      salt: hex.encode(Uint8Array.from(invitation.secret_salt)),
      ...(invitee === undefined ? {} : { invitee: idOf<PublicKey>(Uint8Array.from(invitee)) }),
      once: invitation.once,
    },
    inviterSignature: base58.encode(hex.decode(signature.toLowerCase())),
    ...(peers === undefined ? {} : { peers }),
  };
}

const WEEK_SECONDS = 7 * 24 * 3600;

/** When an invitation ends: at the moment asked for, else in a week. Whole seconds, since the wire has no finer ones. */
export function expiryOf(nowMs: number, timestamp: number | undefined, mostSeconds: number): number {
  const now = Math.floor(nowMs / 1000);
  const end = timestamp ?? now + WEEK_SECONDS;
  if (end > now + mostSeconds) {
    throw new ShoalError("invalid_argument", `an invitation lasts at most ${mostSeconds} seconds`, {
      field: "expirationTimestamp",
    });
  }
  return end * 1000;
}
