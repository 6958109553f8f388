/** One HTTP request to a node: its address, its token, its errors in words. */
import { ERROR_STATUS, ShoalError, messageOf, type ErrorCode } from "@shoal/shared/base/errors.ts";
import { ApiError } from "../answer.ts";
import type { Fetch } from "../types.ts";

/** What can be sent; all but a stream can be sent again. */
export type NodeContent = Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>;

export interface NodeRequest {
  readonly method: string;
  /** Path and query, with the leading slash. */
  readonly target: string;
  readonly body?: string | NodeContent;
  readonly contentType?: string;
  readonly accept?: string;
  readonly token?: string | undefined;
  readonly lastEventId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One signed-in request with JSON both ways. */
export type AskJson = (method: string, target: string, body?: unknown, signal?: AbortSignal) => Promise<unknown>;

/** The response where it is a success; throws `ApiError` for a refusal, `unavailable` where nothing answered. */
export async function request(fetch: Fetch, base: string, { target, ...asked }: NodeRequest): Promise<Response> {
  const headers: Record<string, string> = { accept: asked.accept ?? "application/json" };
  if (asked.token !== undefined) headers["authorization"] = `Bearer ${asked.token}`;
  if (asked.contentType !== undefined) headers["content-type"] = asked.contentType;
  if (asked.lastEventId !== undefined) headers["last-event-id"] = asked.lastEventId;
  let response: Response;
  try {
    response = await fetch(base + target, {
      method: asked.method,
      headers,
      // A redirect would take the token to an address that it was not given for.
      redirect: "error",
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
      // A stream is sent while it is read; browsers and Node want that said.
      ...(asked.body === undefined ? {} : { body: asked.body, duplex: "half" as const }),
    });
  } catch (thrown) {
    throw cut(base, thrown, asked.signal);
  }
  if (response.ok) return response;
  throw await refusal(response);
}

/** The answer's JSON; throws `internal` where it is none, `unavailable` where it ended early. */
export async function jsonOf(response: Response, signal?: AbortSignal): Promise<unknown> {
  const text = await textOf(response, signal);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ShoalError("internal", `${response.url} does not answer as a node does: expected JSON`, { cause });
  }
}

/** The answer's text; throws `unavailable` where it ended early. */
export async function textOf(response: Response, signal?: AbortSignal): Promise<string> {
  try {
    return await response.text();
  } catch (thrown) {
    throw cut(response.url, thrown, signal);
  }
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
  const body = fieldsOf(await response.text().catch(() => ""));
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const init = {
    code: codeOf(body, response.status),
    message: stringOf(body["error"]) ?? `the answer was ${response.status} ${response.statusText}`.trimEnd(),
    field: stringOf(body["field"]),
    status: response.status,
    requestId: stringOf(body["request_id"]) ?? response.headers.get("x-request-id") ?? undefined,
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
  return status >= 500 ? "unavailable" : "invalid_argument";
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

const stringOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** `fetch` hides what happened in a chain of causes; the innermost says it. */
function cut(address: string, thrown: unknown, signal: AbortSignal | undefined): ShoalError {
  if (signal?.aborted === true) {
    const isTimeout = signal.reason instanceof DOMException && signal.reason.name === "TimeoutError";
    if (isTimeout) return new ShoalError("unavailable", `no answer from ${address} in time`, { cause: thrown });
    return new ShoalError("cancelled", "the call was cancelled by its caller");
  }
  return new ShoalError("unavailable", `no answer from ${address}: ${reasonOf(thrown)}`, { cause: thrown });
}

function reasonOf(thrown: unknown): string {
  let cause = thrown;
  for (let depth = 0; depth < 4 && cause instanceof Error && cause.cause !== undefined; depth++) cause = cause.cause;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return typeof code === "string" ? code : messageOf(cause);
}

const NEVER_CONNECTED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Whether what was sent cannot have had an effect: it never left, or the node refused it. */
export function isUnspent(thrown: unknown): boolean {
  if (thrown instanceof ApiError) return thrown.status < 500 || thrown.status === 503;
  return thrown instanceof ShoalError && NEVER_CONNECTED.has(reasonOf(thrown.cause));
}
