/**
 * What signatures and hashes are made over: a domain, a zero byte, and canonical JSON (keys sorted, no white space, absent
 * members left out). Two equal values give equal bytes, a domain is never a prefix of another, and a log can be read as it is.
 */
import { canonicalJson } from "@shoal/shared/base/canonical-json.ts";
import type { GroupId, PublicKey } from "../../model/ids.ts";
import type { Invitation, Op, SignedOp } from "./op.ts";

const utf8 = new TextEncoder();

function bytesIn(domain: string, value: unknown): Uint8Array {
  return utf8.encode(`${domain}\0${canonicalJson(value)}`);
}

/** Signed by `signer`; its SHA-256 is the op's hash, so that an op keeps its name whatever signature it carries. */
export function opBytes(op: Op | SignedOp): Uint8Array {
  const { version, namespaceId, groupId, parents, signer, nonce, atMs, action } = op;
  return bytesIn("shoal/governance/op/1", { version, namespaceId, groupId, parents, signer, nonce, atMs, action });
}

/** Signed by `inviter`; its SHA-256 is the name under which the invitation is revoked or spent. */
export function invitationBytes(invitation: Invitation): Uint8Array {
  return bytesIn("shoal/governance/invitation/1", invitation);
}

/** Signed by a device that is to act for `account` in one namespace. */
export function deviceBytes(namespaceId: GroupId, account: PublicKey): Uint8Array {
  return bytesIn("shoal/governance/device/1", { namespaceId, account });
}
