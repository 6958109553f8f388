/**
 * What the Kubernetes API refused, and what the network lost. It is a `ShoalError`, so that it crosses the room's border
 * as it is: the code is derived from the HTTP status by an ordered table, and a fault of the network is `unavailable`
 * with status 0, which proves nothing about whether a write happened.
 */
import { ShoalError, type ErrorCode } from "@shoal/shared/base/errors.ts";

export interface StatusDetails {
  readonly name?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly retryAfterSeconds?: number;
  readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
}

/** A `Status` object, the body of every failure and the object of an in-stream ERROR. */
export interface StatusBody {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: StatusDetails;
}

export class KubernetesError extends ShoalError {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** Kubernetes' own word, e.g. `AlreadyExists`, `Conflict`, `Expired`; `NetworkError` or `Timeout` without an answer. */
  readonly reason: string;
  readonly details: StatusDetails;

  constructor(init: {
    readonly status: number;
    readonly reason: string;
    readonly message: string;
    readonly details?: StatusDetails | undefined;
    readonly retryAfterSeconds?: number | undefined;
    readonly cause?: unknown;
  }) {
    super(codeOf(init.status, init.reason), init.message, {
      ...(init.cause === undefined ? {} : { cause: init.cause }),
      ...(init.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: init.retryAfterSeconds }),
    });
    this.status = init.status;
    this.reason = init.reason;
    this.details = init.details ?? {};
  }
}

/** First match wins; whatever is not named is the API's own trouble. */
const CODES: readonly {
  readonly when: (status: number, reason: string) => boolean;
  readonly then: ErrorCode;
}[] = [
  { when: (status, reason) => status === 0 && reason === "Timeout", then: "deadline_exceeded" },
  { when: (status, reason) => status === 0 && reason === "Cancelled", then: "cancelled" },
  { when: (status) => status === 0, then: "unavailable" },
  { when: (status) => status === 401, then: "unauthenticated" },
  { when: (status) => status === 403, then: "permission_denied" },
  { when: (status) => status === 404, then: "not_found" },
  { when: (status, reason) => status === 409 && reason === "AlreadyExists", then: "already_exists" },
  { when: (status) => status === 409, then: "conflict" },
  { when: (status) => status === 410, then: "precondition_failed" },
  { when: (status) => status === 429, then: "rate_limited" },
  { when: (status) => status >= 400 && status < 500, then: "invalid_argument" },
  { when: (status) => status === 504, then: "deadline_exceeded" },
  { when: () => true, then: "unavailable" },
];

function codeOf(status: number, reason: string): ErrorCode {
  return CODES.find((rule) => rule.when(status, reason))?.then ?? "unavailable";
}

/** An answer that is not 2xx. The body is a `Status` where the API itself spoke, or a proxy's text. */
export function refused(status: number, body: string, retryAfter: string | undefined): KubernetesError {
  const parsed = parseStatus(body);
  const header = retryAfter === undefined ? Number.NaN : Number(retryAfter);
  const seconds = Number.isFinite(header) && header >= 0 ? header : parsed?.details?.retryAfterSeconds;
  return new KubernetesError({
    status,
    reason: parsed?.reason ?? "Unknown",
    message: parsed?.message ?? `the Kubernetes API answered ${status}: ${body.slice(0, 200)}`,
    details: parsed?.details,
    retryAfterSeconds: seconds,
  });
}

/** The network failed before there was a whole answer. */
export function unreachable(cause: unknown): KubernetesError {
  const text = cause instanceof Error ? cause.message : "no answer";
  return new KubernetesError({
    status: 0,
    reason: "NetworkError",
    message: `the Kubernetes API cannot be reached: ${text}`,
    cause,
  });
}

/** The version that a watch or a page token started from is no longer kept: list again. */
export function isExpired(thrown: unknown): boolean {
  return thrown instanceof KubernetesError && (thrown.status === 410 || thrown.reason === "Expired");
}

export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof KubernetesError && thrown.status === 404;
}

/** Somebody else wrote, or the name is another object's by now: a patch that names a uid then is Invalid, not a Conflict. */
export function isConflict(thrown: unknown): boolean {
  if (!(thrown instanceof KubernetesError)) return false;
  return thrown.status === 409 || (thrown.details.causes ?? []).some((cause) => cause.field === "metadata.uid");
}

function parseStatus(body: string): StatusBody | undefined {
  try {
    const value = JSON.parse(body) as StatusBody | null;
    return value !== null && typeof value === "object" && value.kind === "Status" ? value : undefined;
  } catch {
    return undefined;
  }
}
