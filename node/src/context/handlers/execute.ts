/** A client's call: who acts, may they, what the arguments mean, the run, and what follows from it. */
import type { ExecuteInput, ExecuteResult } from "../../clients/context-client.ts";
import type { ContextId, PublicKey } from "../../model/ids.ts";
import type { Outcome } from "../../runtime/contract.ts";
import { ExecuteFailure } from "../execute-failure.ts";
import { secretOf } from "../identities.ts";
import type { ContextParts } from "../parts.ts";
import { EMPTY_ROOT } from "../registry.ts";
import { runCall, type Call } from "../run.ts";
import { substitute } from "../substitute.ts";
import { dispatchXCalls } from "../xcalls.ts";

export async function execute(parts: ContextParts, input: ExecuteInput): Promise<ExecuteResult> {
  const context = parts.registry.get(input.contextId);
  if (context === undefined) throw new ExecuteFailure({ type: "ContextNotFound" });
  if (context.rootHash === EMPTY_ROOT) throw new ExecuteFailure({ type: "Uninitialized" });
  const args = await substitute(input.args, input.substitute ?? [], (name) =>
    parts.aliases.lookup("identity", name, input.contextId),
  );
  const call = authorised(parts, input.contextId, input.executor ?? parts.account.publicKey);
  const outcome = await runCall(parts, { ...call, method: input.method, input: args });
  const output = returned(outcome);
  dispatchXCalls(parts, input.contextId, outcome.xcalls, 1);
  return { output, logs: outcome.logs, gasUsed: outcome.gasUsed };
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
