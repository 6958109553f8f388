/** Why an execution failed, in the words that JSON-RPC clients of merod branch on. */
import type { RunFailure } from "../runtime/contract.ts";

export type ExecuteFailureReason =
  | { readonly type: "ContextNotFound" }
  | { readonly type: "Unauthorized"; readonly contextId: string; readonly publicKey: string }
  | { readonly type: "Uninitialized" }
  | { readonly type: "ApplicationNotInstalled"; readonly applicationId: string }
  | { readonly type: "AliasResolutionFailed"; readonly alias: string }
  | { readonly type: "InternalError" }
  /** The guest failed: JSON-RPC says `FunctionCallError` with the text of the failure. */
  | { readonly type: "FunctionCallError"; readonly failure: RunFailure };

export class ExecuteFailure extends Error {
  override readonly name = "ExecuteFailure";
  readonly reason: ExecuteFailureReason;

  constructor(reason: ExecuteFailureReason, options: { readonly cause?: unknown } = {}) {
    super(reason.type === "FunctionCallError" ? reason.failure.message : reason.type, options);
    this.reason = reason;
  }
}
