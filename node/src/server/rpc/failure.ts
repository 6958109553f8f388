/** Why a call over JSON-RPC or a socket failed, in the shape that upstream's clients branch on: `{type, data}`. */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { ExecuteFailure, type ExecuteFailureReason } from "../../context/execute-failure.ts";

export interface RpcError {
  readonly type: string;
  readonly data?: unknown;
}

/** The message itself is wrong: not JSON, an unknown method, parameters of the wrong type. */
export class RpcParseError extends Error {
  override readonly name = "RpcParseError";
}

/** The guest answered with something that is no JSON. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

const INTERNAL: RpcError = { type: "InternalError", data: {} };

/** undefined for errors that are the transport's to tell: who may not call, who has to wait. */
export function rpcErrorOf(thrown: unknown): RpcError | undefined {
  if (thrown instanceof RpcParseError) return { type: "ParseError", data: thrown.message };
  if (thrown instanceof OutputError) return { type: "SerdeError", data: { message: thrown.message } };
  if (thrown instanceof ExecuteFailure) return executeError(thrown.reason, messageOf(thrown));
  if (!(thrown instanceof ShoalError) || thrown.code === "internal") return INTERNAL;
  return undefined;
}

function executeError(reason: ExecuteFailureReason, message: string): RpcError {
  switch (reason.type) {
    case "FunctionCallError":
      return { type: "FunctionCallError", data: message };
    case "Unauthorized":
      return nested(reason.type, { context_id: reason.contextId, public_key: reason.publicKey });
    case "ApplicationNotInstalled":
      return nested(reason.type, { application_id: reason.applicationId });
    case "AliasResolutionFailed":
      return nested(reason.type, { alias: reason.alias });
    case "ContextNotFound":
    case "Uninitialized":
    case "InternalError":
      return nested(reason.type);
  }
}

function nested(type: string, data?: Readonly<Record<string, string>>): RpcError {
  return { type: "ExecuteError", data: data === undefined ? { type } : { type, data } };
}
