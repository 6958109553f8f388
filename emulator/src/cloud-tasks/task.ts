/** A task: what to call, when, and what came of it so far. In our notation and in the API's. */
import { minutes, seconds, since, toIso, days, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import {
  durationAt,
  durationOut,
  enumAt,
  enumOut,
  HTTP_METHODS,
  invalid,
  objectAt,
  stringAt,
  timestampAt,
  VIEWS,
  type HttpMethod,
  type Json,
} from "./wire.ts";

export interface HttpRequest {
  /** Empty: the queue's default, the function of the queue's name. */
  readonly url: string;
  readonly method: HttpMethod;
  readonly headers: Readonly<Record<string, string>>;
  /** Base64. */
  readonly body: string;
  readonly oidcToken?: { readonly serviceAccountEmail: string; readonly audience?: string };
}

export interface Attempt {
  readonly scheduleTime: Timestamp;
  readonly dispatchTime: Timestamp;
  readonly responseTime?: Timestamp;
  /** HTTP status; absent where none came in time. */
  readonly status?: number;
  readonly reason?: string;
}

export interface TaskRecord {
  readonly name: string;
  /** Given by the caller, so that it dedupes; names that we make up never repeat. */
  readonly isNamed: boolean;
  readonly createTime: Timestamp;
  readonly scheduleTime: Timestamp;
  readonly dispatchDeadline: DurationMs;
  readonly request: HttpRequest;
  readonly dispatchCount: number;
  readonly responseCount: number;
  readonly firstAttempt?: Attempt;
  readonly lastAttempt?: Attempt;
}

const MOST_BYTES = 1_048_576;
const WITH_BODY: readonly HttpMethod[] = ["POST", "PUT", "PATCH"];

/** Reads the API's `task`; `name` is checked by the caller, since it may be absent. */
export function taskFromWire(json: Json, name: string, isNamed: boolean, now: Timestamp): TaskRecord {
  if (json["appEngineHttpRequest"] !== undefined)
    throw invalid("task.appEngineHttpRequest", "there is no App Engine here: use httpRequest");
  const http = objectAt(json["httpRequest"], "task.httpRequest");
  if (http === undefined) throw invalid("task.httpRequest", "is required");
  const dispatchDeadline = durationAt(json["dispatchDeadline"], "task.dispatchDeadline") ?? minutes(10);
  if (dispatchDeadline < seconds(15) || dispatchDeadline > minutes(30))
    throw invalid("task.dispatchDeadline", "must be between 15s and 30m");
  const scheduleTime = timestampAt(json["scheduleTime"], "task.scheduleTime") ?? now;
  if (since(scheduleTime, now) > days(30)) throw invalid("task.scheduleTime", "is more than 30 days ahead");
  return {
    name,
    isNamed,
    createTime: now,
    // A time in the past means at once.
    scheduleTime: scheduleTime < now ? now : scheduleTime,
    dispatchDeadline,
    request: requestFromWire(http),
    dispatchCount: 0,
    responseCount: 0,
  };
}

function requestFromWire(http: Json): HttpRequest {
  const url = stringAt(http["url"], "task.httpRequest.url") ?? "";
  if (url !== "" && !/^https?:\/\/[^/\s]+/.test(url))
    throw invalid("task.httpRequest.url", "must start with http:// or https://");
  if (url.length > 2083) throw invalid("task.httpRequest.url", "is longer than 2083 characters");
  const method = enumAt(HTTP_METHODS, http["httpMethod"], "task.httpRequest.httpMethod") ?? "POST";
  const body = stringAt(http["body"], "task.httpRequest.body") ?? "";
  if (body !== "" && !WITH_BODY.includes(method)) throw invalid("task.httpRequest.body", `${method} takes no body`);
  if (body.length > (MOST_BYTES * 4) / 3) throw invalid("task.httpRequest.body", "Task size too large");
  const headers = objectAt(http["headers"], "task.httpRequest.headers") ?? {};
  for (const [name, value] of Object.entries(headers)) stringAt(value, `task.httpRequest.headers.${name}`);
  const oidc = objectAt(http["oidcToken"], "task.httpRequest.oidcToken");
  const audience = stringAt(oidc?.["audience"], "task.httpRequest.oidcToken.audience");
  const serviceAccountEmail = stringAt(oidc?.["serviceAccountEmail"], "task.httpRequest.oidcToken.serviceAccountEmail");
  if (oidc !== undefined && !serviceAccountEmail)
    throw invalid("task.httpRequest.oidcToken.serviceAccountEmail", "is required");
  return {
    url,
    method,
    headers: headers as Readonly<Record<string, string>>,
    body,
    ...(serviceAccountEmail
      ? { oidcToken: audience ? { serviceAccountEmail, audience } : { serviceAccountEmail } }
      : {}),
  };
}

/** The basic view leaves the body out, as it may be large or secret. */
export function taskToWire(task: TaskRecord, view: "BASIC" | "FULL", enumsAsNumbers: boolean): Json {
  const { request } = task;
  return {
    name: task.name,
    httpRequest: {
      url: request.url,
      httpMethod: enumOut(HTTP_METHODS, request.method, enumsAsNumbers),
      headers: request.headers,
      ...(view === "FULL" && request.body !== "" ? { body: request.body } : {}),
      ...(request.oidcToken === undefined ? {} : { oidcToken: request.oidcToken }),
    },
    scheduleTime: toIso(task.scheduleTime),
    createTime: toIso(task.createTime),
    dispatchDeadline: durationOut(task.dispatchDeadline),
    dispatchCount: task.dispatchCount,
    responseCount: task.responseCount,
    ...(task.firstAttempt === undefined
      ? {}
      : { firstAttempt: { dispatchTime: toIso(task.firstAttempt.dispatchTime) } }),
    ...(task.lastAttempt === undefined ? {} : { lastAttempt: attemptToWire(task.lastAttempt) }),
    view: enumOut(VIEWS, view, enumsAsNumbers),
  };
}

function attemptToWire(attempt: Attempt): Json {
  return {
    scheduleTime: toIso(attempt.scheduleTime),
    dispatchTime: toIso(attempt.dispatchTime),
    ...(attempt.responseTime === undefined ? {} : { responseTime: toIso(attempt.responseTime) }),
    ...(attempt.reason === undefined
      ? {}
      : { responseStatus: { code: rpcCodeOf(attempt.status), message: attempt.reason } }),
  };
}

/** The canonical code nearest to an HTTP status, as `responseStatus` tells it. */
function rpcCodeOf(status: number | undefined): number {
  if (status === undefined) return 4;
  if (status >= 200 && status < 300) return 0;
  const codes: Readonly<Record<number, number>> = {
    400: 3,
    401: 16,
    403: 7,
    404: 5,
    409: 10,
    429: 8,
    501: 12,
    503: 14,
  };
  return codes[status] ?? (status >= 500 ? 13 : 2);
}
