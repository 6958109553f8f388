/** JSON-RPC answers of a node: `{result}`, or `{error: {type, data}}` in upstream's words. */
import { ShoalError } from "@shoal/shared/base/errors.ts";

/** What a call failed with inside of the node: `type` as upstream names it, `data` as it comes. */
export class RpcError extends ShoalError {
  readonly type: string;
  readonly data: unknown;

  constructor(type: string, data: unknown) {
    super(CODES[innermost(type, data)] ?? "invalid_argument", textOf(type, data));
    this.type = type;
    this.data = data;
  }
}

const CODES: Readonly<Record<string, ShoalError["code"]>> = {
  ContextNotFound: "not_found",
  ApplicationNotInstalled: "not_found",
  Unauthorized: "permission_denied",
  Uninitialized: "unavailable",
  InternalError: "internal",
};

/** The output of a successful call; throws `RpcError` for another one, `internal` for what is no answer at all. */
export function rpcResult(answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null)
    throw new ShoalError("internal", "the node's answer is not JSON-RPC");
  if ("error" in answer) {
    const { type, data } = answer.error as { readonly type?: unknown; readonly data?: unknown };
    throw new RpcError(String(type), data);
  }
  const { result } = answer as { readonly result?: { readonly output?: unknown } };
  return result?.output ?? undefined;
}

function innermost(type: string, data: unknown): string {
  return typeof data === "object" && data !== null && "type" in data ? String(data.type) : type;
}

function textOf(type: string, data: unknown): string {
  if (typeof data === "string") return `${type}: ${data}`;
  const inner = innermost(type, data);
  return inner === type ? type : `${type}: ${inner}`;
}
