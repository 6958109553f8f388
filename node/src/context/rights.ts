/** Who acts in a context, and what comes back to them. */
import type { ContextId, PublicKey } from "../model/ids.ts";
import type { Outcome } from "../runtime/contract.ts";
import { ExecuteFailure } from "./execute-failure.ts";
import { listIdentities, secretOf } from "./identities.ts";
import type { ContextParts } from "./parts.ts";
import type { Call } from "./run.ts";

/**
 * Who acts where the caller names nobody: the node's account, or the first identity of the context that is ours; a context
 * that was made with a secret of its own knows only that one.
 */
export async function actingIdentity(
  { store, account }: ContextParts,
  contextId: ContextId,
  named: PublicKey | undefined,
): Promise<PublicKey> {
  if (named !== undefined) return named;
  if (secretOf(store, contextId, account.publicKey) !== undefined) return account.publicKey;
  const own = (await listIdentities(store, contextId)).find(({ owned }) => owned);
  return own?.publicKey ?? account.publicKey;
}

/** Who acts, with the key that signs; throws `Unauthorized` for an identity that is not ours or may not call. */
export function authorised(
  parts: ContextParts,
  contextId: ContextId,
  identity: PublicKey,
): Pick<Call, "contextId" | "identity" | "secret" | "right"> {
  const secret = secretOf(parts.store, contextId, identity);
  const right = secret === undefined ? "none" : parts.membership.mayExecute(contextId, identity);
  if (secret === undefined || right === "none") {
    throw new ExecuteFailure({ type: "Unauthorized", contextId, publicKey: identity });
  }
  return { contextId, identity, secret, right };
}

/** What the method returned; throws what it failed with. */
export function returned(outcome: Outcome): Uint8Array | undefined {
  if ("failure" in outcome.returns) {
    throw new ExecuteFailure({ type: "FunctionCallError", failure: outcome.returns.failure });
  }
  return outcome.returns.ok;
}
