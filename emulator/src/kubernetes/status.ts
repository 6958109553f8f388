/**
 * What the API refuses, as `Status` objects with the words and details of the real one: clients branch on `reason`, and
 * kubectl prints `message` as it is.
 */
import { ShoalError, type ErrorCode } from "@shoal/shared/base/errors.ts";

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: object;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** Which collection a failure is about; `group` is empty for the core kinds. */
export interface Subject {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

export class ApiFailure extends ShoalError {
  readonly status: Status & { readonly code: number };

  constructor(code: number, reason: string, message: string, details?: StatusDetails, cause?: unknown) {
    super(CODES[code] ?? "internal", message, cause === undefined ? {} : { cause });
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      reason,
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: "invalid_argument",
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  405: "method_not_allowed",
  409: "conflict",
  410: "precondition_failed",
  413: "payload_too_large",
  415: "unsupported_media_type",
  422: "invalid_argument",
  429: "rate_limited",
  503: "unavailable",
  504: "deadline_exceeded",
};

function qualified(subject: Subject): string {
  return subject.group === "" ? subject.plural : `${subject.plural}.${subject.group}`;
}

function about(subject: Subject, name: string): StatusDetails {
  return { name, ...(subject.group === "" ? {} : { group: subject.group }), kind: subject.plural };
}

export function badRequest(message: string): ApiFailure {
  return new ApiFailure(400, "BadRequest", message);
}

export function noSuchPath(): ApiFailure {
  return new ApiFailure(404, "NotFound", "the server could not find the requested resource", {});
}

export function notFound(subject: Subject, name: string): ApiFailure {
  return new ApiFailure(404, "NotFound", `${qualified(subject)} "${name}" not found`, about(subject, name));
}

export function alreadyExists(subject: Subject, name: string): ApiFailure {
  return new ApiFailure(409, "AlreadyExists", `${qualified(subject)} "${name}" already exists`, about(subject, name));
}

export function conflict(subject: Subject, name: string, why: string): ApiFailure {
  const message = `Operation cannot be fulfilled on ${qualified(subject)} "${name}": ${why}`;
  return new ApiFailure(409, "Conflict", message, about(subject, name));
}

export const MODIFIED = "the object has been modified; please apply your changes to the latest version and try again";

export function forbidden(subject: Subject, name: string, why: string, causes?: readonly StatusCause[]): ApiFailure {
  return new ApiFailure(403, "Forbidden", `${qualified(subject)} "${name}" is forbidden: ${why}`, {
    ...about(subject, name),
    ...(causes === undefined ? {} : { causes }),
  });
}

/** 422 with one cause per fault; details name the kind here, not the collection, as the real one's do. */
export function invalid(subject: Subject, name: string, causes: readonly StatusCause[]): ApiFailure {
  const said = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const list = said.length === 1 ? said[0] : `[${said.join(", ")}]`;
  const title = subject.group === "" ? subject.kind : `${subject.kind}.${subject.group}`;
  return new ApiFailure(422, "Invalid", `${title} "${name}" is invalid: ${list}`, {
    name,
    ...(subject.group === "" ? {} : { group: subject.group }),
    kind: subject.kind,
    causes,
  });
}

export function methodNotAllowed(): ApiFailure {
  return new ApiFailure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

export function unsupportedMediaType(accepted: readonly string[]): ApiFailure {
  return new ApiFailure(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );
}

export function expired(message: string): ApiFailure {
  return new ApiFailure(410, "Expired", message);
}

export function tooOld(asked: number, oldest: number): ApiFailure {
  return expired(`too old resource version: ${asked} (${oldest})`);
}

export function tooManyRequests(
  message: string,
  retryAfterSeconds: number,
  causes?: readonly StatusCause[],
): ApiFailure {
  return new ApiFailure(429, "TooManyRequests", message, {
    ...(causes === undefined ? {} : { causes }),
    ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }),
  });
}
