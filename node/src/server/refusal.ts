/** What goes wrong, as an answer: `{error: sentence, code, field, request_id}`. Upstream's clients read `error` alone. */
import { httpStatusOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { AuthFailure } from "../auth/contract.ts";
import { ExecuteFailure, type ExecuteFailureReason } from "../context/execute-failure.ts";

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Anything that a handler threw; what nobody foresaw is logged with its stack and told to nobody. */
export function refusalOf(thrown: unknown, requestId: string, log: Log): Refusal {
  const error = errorOf(thrown);
  const status = httpStatusOf(error.code);
  if (status >= 500) log.error({ requestId, err: thrown }, "a request failed");
  return {
    status,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      ...("authError" in error ? { "x-auth-error": (error as AuthFailure).authError } : {}),
      ...(error.code === "unauthenticated" ? { "www-authenticate": "Bearer" } : {}),
      ...(error.retryAfterSeconds === undefined ? {} : { "retry-after": String(Math.ceil(error.retryAfterSeconds)) }),
    },
    body: JSON.stringify({ error: error.message, code: error.code, field: error.field, request_id: requestId }),
  };
}

function errorOf(thrown: unknown): ShoalError {
  if (thrown instanceof ExecuteFailure) return executionError(thrown);
  if (!(thrown instanceof ShoalError)) return new ShoalError("internal", "internal error", { cause: thrown });
  // What an internal error says is for the log.
  return thrown.code === "internal" ? new ShoalError("internal", "internal error", { cause: thrown }) : thrown;
}

/** A call that REST made by the way (init, migrate) failed: whose fault that is depends on the reason. */
const CODE_OF = {
  ContextNotFound: "not_found",
  ApplicationNotInstalled: "not_found",
  Unauthorized: "permission_denied",
  Uninitialized: "unavailable",
  AliasResolutionFailed: "invalid_argument",
  FunctionCallError: "invalid_argument",
  InternalError: "internal",
} as const satisfies Record<ExecuteFailureReason["type"], ShoalError["code"]>;

function executionError(failure: ExecuteFailure): ShoalError {
  const code = CODE_OF[failure.reason.type];
  return new ShoalError(code, code === "internal" ? "internal error" : failure.message, { cause: failure });
}
