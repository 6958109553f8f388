/**
 * Errors are codes with fields and a cause. A code is part of the API: it is what callers branch on, and it decides the
 * HTTP status (`httpStatusOf`), so that a caller's mistake can never surface as a 5xx.
 */

/** Every code that Shoal answers with. Grouped by who has to act. */
export const ERROR_STATUS = {
  // the caller has to change the request
  invalid_argument: 400,
  malformed_json: 400,
  unauthenticated: 401,
  plan_limit_exceeded: 402,
  permission_denied: 403,
  not_found: 404,
  method_not_allowed: 405,
  already_exists: 409,
  conflict: 409,
  idempotency_key_in_use: 409,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  idempotency_key_reused: 422,
  precondition_required: 428,
  rate_limited: 429,
  resource_exhausted: 429,
  // the caller may try again later
  cancelled: 499,
  internal: 500,
  unavailable: 503,
  deadline_exceeded: 504,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export interface ErrorOptions {
  /** Path of the offending input in the caller's own terms, e.g. `config.resources.cpu_request`. */
  readonly field?: string;
  readonly cause?: unknown;
  /** Seconds after which the same call may succeed; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

export class ShoalError extends Error {
  override readonly name = "ShoalError";
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** HTTP status of a code; exhaustive by construction. */
export function httpStatusOf(code: ErrorCode): number {
  return ERROR_STATUS[code];
}

/** Whether the same call may succeed without being changed. */
export function isRetryable(code: ErrorCode): boolean {
  return code === "unavailable" || code === "deadline_exceeded" || code === "rate_limited" || code === "internal";
}

/** Text of anything thrown, for logs and for a condition's message; never the stack. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  return typeof thrown === "string" ? thrown : "unknown error";
}
