/** A client's call: who acts, may they, what the arguments mean, the run, and what follows from it. */
import type { ExecuteInput, ExecuteResult } from "../../clients/context-client.ts";
import { ExecuteFailure } from "../execute-failure.ts";
import type { ContextParts } from "../parts.ts";
import { actingIdentity, authorised, returned } from "../rights.ts";
import { runCall } from "../run.ts";
import { substitute } from "../substitute.ts";
import { dispatchXCalls } from "../xcalls.ts";

export async function execute(parts: ContextParts, input: ExecuteInput): Promise<ExecuteResult> {
  await parts.membership.beforeUse(input.contextId);
  const context = parts.registry.get(input.contextId);
  if (context === undefined) throw new ExecuteFailure({ type: "ContextNotFound" });
  if (!context.isInitialized) throw new ExecuteFailure({ type: "Uninitialized" });
  const args = await substitute(input.args, input.substitute ?? [], (name) =>
    parts.aliases.lookup("identity", name, input.contextId),
  );
  const call = authorised(parts, input.contextId, await actingIdentity(parts, input.contextId, input.executor));
  const outcome = await runCall(parts, { ...call, method: input.method, input: args });
  const output = returned(outcome);
  dispatchXCalls(parts, input.contextId, outcome.xcalls, 1);
  return { output, logs: outcome.logs, gasUsed: outcome.gasUsed };
}
