/** Errors as sentences for whoever sits before the page. */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { ExecuteFailure, type ExecuteFailureReason } from "../context/execute-failure.ts";

export function wordsOf(thrown: unknown): string {
  if (thrown instanceof ExecuteFailure) return failureWords(thrown.reason);
  if (thrown instanceof ShoalError && thrown.code === "internal") return `the node failed: ${thrown.message}`;
  return messageOf(thrown);
}

function failureWords(reason: ExecuteFailureReason): string {
  switch (reason.type) {
    case "ContextNotFound":
      return "this node has no such context";
    case "Unauthorized":
      return `${reason.publicKey} may not do that in this context`;
    case "Uninitialized":
      return "the context's state has not arrived yet";
    case "ApplicationNotInstalled":
      return "the context's application has not arrived yet";
    case "AliasResolutionFailed":
      return `nobody is called ${reason.alias}`;
    case "InternalError":
      return "the node failed";
    case "FunctionCallError":
      return reason.failure.message;
  }
}
