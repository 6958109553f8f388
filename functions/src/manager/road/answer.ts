/** Answers as they leave: the error body, and the headers that every answer carries. */
import { httpStatusOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { ErrorBody } from "@shoal/shared/wire/error-body.ts";
import type { Streamed } from "../call.ts";

const SECURITY_HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
  "X-Content-Type-Options": "nosniff",
} as const;

export interface PlainReply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The response of a reply. `extra` are the headers that the road adds. */
export function answer(reply: PlainReply | Streamed, extra: Readonly<Record<string, string>>): Response {
  const headers = { ...SECURITY_HEADERS, ...extra };
  if ("stream" in reply)
    return new Response(reply.stream, { status: 200, headers: { ...headers, "Content-Type": reply.contentType } });
  const all = { ...headers, ...reply.headers };
  if (reply.body === undefined) return new Response(null, { status: reply.status, headers: all });
  return new Response(JSON.stringify(reply.body), {
    status: reply.status,
    headers: { ...all, "Content-Type": "application/json; charset=utf-8" },
  });
}

/** What a caller is told of anything thrown. What is not ours to say, or not meant to be told, is `internal`. */
export function toShoalError(thrown: unknown): ShoalError {
  if (thrown instanceof ShoalError && thrown.code !== "internal") return thrown;
  return new ShoalError(
    "internal",
    "something went wrong on our side; nothing was changed unless a later request shows it",
    {
      cause: thrown,
    },
  );
}

export function errorReply(error: ShoalError, requestId: string): PlainReply {
  const body: ErrorBody = {
    error: {
      code: error.code,
      message: error.message,
      ...(error.field === undefined ? {} : { field: error.field }),
      requestId,
    },
  };
  const retryAfter = error.retryAfterSeconds ?? (error.code === "unavailable" ? 2 : undefined);
  return {
    status: httpStatusOf(error.code),
    body,
    headers: {
      ...(retryAfter === undefined ? {} : { "Retry-After": String(Math.max(1, Math.ceil(retryAfter))) }),
      ...(error.code === "unauthenticated" ? { "WWW-Authenticate": "Bearer" } : {}),
    },
  };
}
