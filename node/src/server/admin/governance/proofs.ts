/**
 * Proofs of ownership: the account says, for at most five minutes, that it owns a group, to one audience and about one
 * subject. Verifiers check the signature over `calimero.ownership-claim.v1` ‖ 0 ‖ the payload's exact bytes.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { canonicalJson } from "@shoal/shared/base/canonical-json.ts";
import type { proofEndpoints } from "@shoal/shared/wire/node/governance/invitations.ts";
import { idOf, type ContextId, type GroupId } from "../../../model/ids.ts";
import type { HandlersOf } from "../../call.ts";
import type { GovernanceParts } from "./parts.ts";
import { accountOf } from "./views.ts";

const DOMAIN = "calimero.ownership-claim.v1\0";
const LONGEST_MS = 5 * 60_000;

interface Claim {
  readonly audience: string;
  readonly subject: string;
  readonly nonce: string;
  readonly expiresAtMs: number;
}

export function proofHandlers({
  governance,
  clock,
}: Pick<GovernanceParts, "governance" | "clock">): HandlersOf<typeof proofEndpoints> {
  const issue = (groupId: GroupId, claim: Claim, contextId: string | undefined) => {
    const { group } = governance.group(groupId);
    if (group.owner !== governance.account) {
      throw new ShoalError("permission_denied", "this node's account does not own the group");
    }
    const issuedAtMs = clock.now();
    const expiresAtMs = Math.min(claim.expiresAtMs, issuedAtMs + LONGEST_MS);
    if (expiresAtMs <= issuedAtMs) {
      throw new ShoalError("invalid_argument", "a proof expires in the future", { field: "expiresAtMs" });
    }
    const { audience, subject, nonce } = claim;
    const signer = accountOf(governance.account);
    const payload = Buffer.from(
      canonicalJson({ audience, subject, nonce, groupId, contextId, issuedAtMs, expiresAtMs, signerPublicKey: signer }),
    );
    const signature = governance.signAsAccount(Buffer.concat([Buffer.from(DOMAIN), payload]));
    return {
      signerPublicKey: signer,
      signedPayload: payload.toString("base64"),
      signature: Buffer.from(signature).toString("base64"),
    };
  };
  return {
    "proofs.group": async ({ params, body }) => {
      const contextId = idOf<ContextId>(Uint8Array.from(Buffer.from(body.contextId, "hex")));
      if (!governance.group(params.group).group.contexts.has(contextId)) {
        throw new ShoalError("not_found", "the group has no such context", { field: "contextId" });
      }
      return issue(params.group, body, body.contextId);
    },
    "proofs.namespace": async ({ params, body }) => {
      if (governance.group(params.group).group.parent !== undefined) {
        throw new ShoalError("invalid_argument", "the group is no namespace", { field: "group" });
      }
      return issue(params.group, body, undefined);
    },
  };
}
