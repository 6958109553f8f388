/** The envelope of every answer here, `{data, error}`, and what a refusal looks like in it. */
import { httpStatusOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { AuthRefusal } from "../failure.ts";
import type { TokenPair } from "../tokens.ts";

export function reply(data: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return answer(200, { data, error: null }, headers);
}

export function tokensReply({ accessToken, refreshToken }: TokenPair): Response {
  return reply({ access_token: accessToken, refresh_token: refreshToken, error: null });
}

/** What is not meant to be told is logged, and answered as `internal`. */
export function refusal(thrown: unknown, log: Log): Response {
  const told = thrown instanceof ShoalError && thrown.code !== "internal";
  if (!told) log.error({ err: thrown }, "auth failed");
  const error = told ? thrown : new ShoalError("internal", "something went wrong on the node's side");
  const field = error.field === undefined ? "" : `${error.field}: `;
  return answer(httpStatusOf(error.code), { data: null, error: `${field}${error.message}` }, headersOf(error));
}

function headersOf(error: ShoalError): Record<string, string> {
  const authError = wordOf(error);
  return {
    ...(authError === undefined ? {} : { "X-Auth-Error": authError }),
    ...(error.code === "unauthenticated" ? { "WWW-Authenticate": "Bearer" } : {}),
    ...(error.retryAfterSeconds === undefined ? {} : { "Retry-After": String(error.retryAfterSeconds) }),
  };
}

function wordOf(error: ShoalError): string | undefined {
  if (error instanceof AuthRefusal) return error.authError;
  return httpStatusOf(error.code) === 400 ? "invalid_request" : undefined;
}

function answer(status: number, body: unknown, headers: Readonly<Record<string, string>>): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "Content-Type": "application/json; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      ...headers,
    },
  });
}
