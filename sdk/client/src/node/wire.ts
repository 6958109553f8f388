/** One HTTP request to a node: its address, its token, its errors in words. */
import { ERROR_STATUS, ShoalError, messageOf, type ErrorCode } from "@shoal/shared/base/errors.ts";
import { ApiError } from "../answer.ts";
import type { Fetch } from "../types.ts";

export interface NodeRequest {
  readonly method: string;
  /** Path and query, with the leading slash. */
  readonly target: string;
  readonly body?: string | ReadableStream<Uint8Array> | Uint8Array;
  readonly contentType?: string;
  readonly accept?: string;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The response where it is a success; throws `ApiError` for a refusal, `unavailable` where nothing answered. */
export async function request(fetch: Fetch, base: string, { target, ...asked }: NodeRequest): Promise<Response> {
  const headers: Record<string, string> = { accept: asked.accept ?? "application/json" };
  if (asked.token !== undefined) headers["authorization"] = `Bearer ${asked.token}`;
  if (asked.contentType !== undefined) headers["content-type"] = asked.contentType;
  let response: Response;
  try {
    response = await fetch(base + target, {
      method: asked.method,
      headers,
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
      // A stream is sent while it is read; browsers and Node want that said.
      ...(asked.body === undefined ? {} : { body: asked.body, duplex: "half" as const }),
    });
  } catch (thrown) {
    if (asked.signal?.aborted === true) throw new ShoalError("cancelled", "the call was cancelled by its caller");
    throw unanswered(base, thrown);
  }
  if (response.ok) return response;
  throw await refusal(response);
}

/** `X-Auth-Error` of a refusal, where a token was the reason. */
export class NodeAuthError extends ApiError {
  readonly authError: string;

  constructor(init: ConstructorParameters<typeof ApiError>[0], authError: string) {
    super(init);
    this.authError = authError;
  }
}

async function refusal(response: Response): Promise<ApiError> {
  const body = jsonOf(await response.text().catch(() => ""));
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const init = {
    code: codeOf(body, response.status),
    message: textOf(body["error"]) ?? `the answer was ${response.status} ${response.statusText}`.trimEnd(),
    field: textOf(body["field"]),
    status: response.status,
    requestId: textOf(body["request_id"]) ?? response.headers.get("x-request-id") ?? undefined,
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
  };
  const authError = response.headers.get("x-auth-error");
  return authError === null ? new ApiError(init) : new NodeAuthError(init, authError);
}

function codeOf(body: Readonly<Record<string, unknown>>, status: number): ErrorCode {
  const told = body["code"];
  if (typeof told === "string" && Object.hasOwn(ERROR_STATUS, told)) return told as ErrorCode;
  const known = Object.entries(ERROR_STATUS).find(([, of]) => of === status);
  if (known !== undefined) return known[0] as ErrorCode;
  return status >= 500 ? "internal" : "invalid_argument";
}

function jsonOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

function unanswered(base: string, thrown: unknown): ShoalError {
  let cause = thrown;
  for (let depth = 0; depth < 4 && cause instanceof Error && cause.cause !== undefined; depth++) cause = cause.cause;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : messageOf(cause);
  return new ShoalError("unavailable", `no answer from ${base}: ${code}`, { cause: thrown });
}
