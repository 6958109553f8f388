/** JSON-RPC answers of a node: `{result}`, or `{error: {type, data}}` in upstream's words. */
import { ShoalError } from "@shoal/shared/base/errors.ts";

/** What a call failed with inside of the node: `type` as upstream names it, `data` as it comes. */
export class RpcError extends ShoalError {
  readonly type: string;
  readonly data: unknown;
  /** What the method itself failed with, parsed where it is JSON; undefined where it was not the method that failed. */
  readonly thrown: unknown;

  constructor(type: string, data: unknown) {
    const thrown = thrownBy(data);
    super(CODES[innermost(type, data)] ?? "invalid_argument", textOf(type, data, thrown));
    this.type = type;
    this.data = data;
    this.thrown = thrown;
  }
}

const CODES: Readonly<Record<string, ShoalError["code"]>> = {
  ContextNotFound: "not_found",
  ApplicationNotInstalled: "not_found",
  Unauthorized: "permission_denied",
  Uninitialized: "unavailable",
  InternalError: "internal",
};

/** The result of a successful call; throws `RpcError` for another one, `internal` for what is no answer at all. */
export function rpcResult(answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null || !("result" in answer || "error" in answer))
    throw new ShoalError("internal", "the node's answer is not JSON-RPC");
  if (!("error" in answer)) return answer.result;
  const { type, data } = (answer.error ?? {}) as { readonly type?: unknown; readonly data?: unknown };
  throw new RpcError(String(type), data);
}

function innermost(type: string, data: unknown): string {
  return typeof data === "object" && data !== null && "type" in data ? String(data.type) : type;
}

/** A node writes what a method failed with as a list of its bytes, as upstream does. */
function thrownBy(data: unknown): unknown {
  const bytes = typeof data === "string" ? /returned an error: \[([\d, ]*)\]$/.exec(data)?.[1] : undefined;
  if (bytes === undefined) return undefined;
  const text = new TextDecoder().decode(Uint8Array.from(bytes.split(",").map(Number)));
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function textOf(type: string, data: unknown, thrown: unknown): string {
  if (thrown !== undefined) return `the method failed: ${messageIn(thrown)}`;
  if (typeof data === "string") return `${type}: ${data}`;
  const inner = innermost(type, data);
  return inner === type ? type : `${type}: ${inner}`;
}

/** Apps mostly fail with `{code, message}` or with plain text. */
function messageIn(thrown: unknown): string {
  if (typeof thrown === "string") return thrown;
  if (typeof thrown === "object" && thrown !== null && "message" in thrown && typeof thrown.message === "string")
    return thrown.message;
  return JSON.stringify(thrown);
}
