/**
 * A call in its turn. Whoever may be a reader runs on a snapshot beside everybody; whoever turns out to write is run again,
 * alone among writers, on the state that the writer before it left.
 */
import type { ApplicationModule } from "../model/application.ts";
import type { Context } from "../model/context.ts";
import { bytesOf, type ContextId, type PublicKey } from "../model/ids.ts";
import type { Outcome, RunFailure, RunRequest } from "../runtime/contract.ts";
import type { Row } from "../storage/store.ts";
import { commit, type Committed } from "./commit.ts";
import { ExecuteFailure } from "./execute-failure.ts";
import type { ExecuteRight } from "./membership.ts";
import type { ContextParts } from "./parts.ts";

export interface Call {
  readonly contextId: ContextId;
  readonly method: string;
  readonly input: Uint8Array;
  readonly identity: PublicKey;
  /** 32-byte seed of the identity. */
  readonly secret: Uint8Array;
  readonly right: Exclude<ExecuteRight, "none">;
  /** The context whose xcall this is. */
  readonly origin?: ContextId;
  /** The row of the event that this call handles: it goes with what the call changes. */
  readonly handles?: Row;
}

/** Runs the call and, where it wrote, commits it; resolves when what it wrote is on disk. */
export async function runCall(parts: ContextParts, call: Call): Promise<Outcome> {
  refuseReserved(call.method);
  const { module } = await resolveModule(parts, call.contextId);
  const reads = call.right === "read" || module.readOnly.includes(call.method);
  if (reads || parts.methods.mayRead(module, call.method)) {
    const outcome = await parts.turns.run(call.contextId, "read", () => attempt(parts, call, "read"));
    // What a method that only reads, or a member who may only read, would change is discarded.
    if (reads || !outcome.mutates) return outcome;
    parts.methods.wrote(module, call.method);
  }
  const { outcome, stored } = await parts.turns.run(call.contextId, "write", () => writeTurn(parts, call));
  await stored;
  return outcome;
}

/** The turn ends before the disk has what the run wrote: the next run reads it from what is on its way. */
async function writeTurn(parts: ContextParts, call: Call): Promise<Committed> {
  const { ahead } = parts;
  for (;;) {
    await ahead.room(call.contextId);
    const failures = ahead.failures(call.contextId);
    const outcome = await attempt(parts, call, "write");
    const context = ahead.tip(call.contextId);
    if (context === undefined) throw new ExecuteFailure({ type: "ContextNotFound" });
    // What it may have read was lost meanwhile: it is as if it had not run.
    if (ahead.failures(call.contextId) === failures) {
      const { identity, secret, handles } = call;
      return commit(parts, { context, identity, secret, outcome, ...(handles === undefined ? {} : { handles }) });
    }
  }
}

async function attempt(parts: ContextParts, call: Call, mode: RunRequest["mode"]): Promise<Outcome> {
  // Asked again in the turn: the application may have been switched while the call waited.
  const { module } = await resolveModule(parts, call.contextId);
  const request = runRequest(parts, { ...call, module: module.prepared, mode });
  return parts.executor.run(mode === "write" ? { ...request, ahead: parts.ahead.rows(call.contextId) } : request);
}

/** A run's request out of the node's own facts; chance and time are part of it, so that the run can be repeated. */
export function runRequest(
  parts: ContextParts,
  run: Pick<Call, "contextId" | "method" | "input" | "identity" | "origin"> & Pick<RunRequest, "module" | "mode">,
): RunRequest {
  return {
    context: bytesOf(run.contextId),
    module: run.module,
    method: run.method,
    input: run.input,
    executor: bytesOf(run.identity),
    device: bytesOf(parts.account.publicKey),
    ...(run.origin === undefined ? {} : { xcallOrigin: bytesOf(run.origin) }),
    mode: run.mode,
    nowNs: parts.stamps.next(),
    seed: parts.random.bytes(32),
    limits: parts.limits,
  };
}

/** The context and the module that its calls run; rejects in the words clients know. */
export async function resolveModule(
  parts: ContextParts,
  id: ContextId,
): Promise<{ readonly context: Context; readonly module: ApplicationModule }> {
  const context = parts.registry.get(id);
  if (context === undefined) throw new ExecuteFailure({ type: "ContextNotFound" });
  if (!context.isInitialized) throw new ExecuteFailure({ type: "Uninitialized" });
  const application = await parts.applications.get(context.applicationId, context.version);
  const module = application?.modules.find((one) => one.service === context.service);
  if (module === undefined) {
    throw new ExecuteFailure({ type: "ApplicationNotInstalled", applicationId: context.applicationId });
  }
  return { context, module };
}

/** Exports that begin so are for the node alone: a client or another context that could call them could apply what nobody signed. */
const RESERVED = "__calimero";

function refuseReserved(method: string): void {
  if (!method.startsWith(RESERVED)) return;
  const failure: RunFailure = {
    kind: "MethodResolutionError",
    detail: "ReservedMethodName",
    message: `method names that begin with ${RESERVED} are the node's own`,
  };
  throw new ExecuteFailure({ type: "FunctionCallError", failure });
}
