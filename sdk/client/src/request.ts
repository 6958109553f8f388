/** From an endpoint and its input to a request. Pure: the idempotency key is an argument, as all chance is. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Endpoint } from "@shoal/shared/wire/endpoints/endpoint.ts";

/** A call's input once its type has done its work. */
export interface RawInput {
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
  readonly ifMatch?: number | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PreparedRequest {
  readonly endpoint: Endpoint;
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Throws `invalid_argument` for a base that is no http(s) address. */
export function checkedBase(baseUrl: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new ShoalError("invalid_argument", "has to be an address such as https://shoal.example.com", {
      field: "baseUrl",
    });
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw new ShoalError("invalid_argument", "has to be an address without credentials, query or fragment", {
      field: "baseUrl",
    });
  return url.href.replace(/\/+$/, "");
}

/** Throws `invalid_argument` where a path parameter is missing or would change the path. */
export function prepare(
  base: string,
  endpoint: Endpoint,
  input: RawInput,
  auth: { readonly token: string | undefined; readonly idempotencyKey: string | undefined },
): PreparedRequest {
  const headers: Record<string, string> = {
    accept: endpoint.responses[200] === "text" ? "text/plain" : "application/json",
  };
  if (auth.token !== undefined && endpoint.scope !== "public") headers["authorization"] = `Bearer ${auth.token}`;
  if (auth.idempotencyKey !== undefined) headers["idempotency-key"] = auth.idempotencyKey;
  if (input.ifMatch !== undefined) headers["if-match"] = `"${input.ifMatch}"`;
  if (input.body !== undefined) headers["content-type"] = "application/json";
  return {
    endpoint,
    url: base + pathOf(endpoint.path, input.params ?? {}) + searchOf(input.query ?? {}),
    method: endpoint.method,
    headers,
    body: input.body === undefined ? undefined : JSON.stringify(input.body),
  };
}

/** A path with its parameters in their places; throws as `prepare` does. */
export function pathOf(path: string, params: Readonly<Record<string, unknown>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => segment(name, params[name]));
}

/** URLs read `.` and `..` as steps, even percent-encoded: no encoding would keep them where they are. */
function segment(name: string, value: unknown): string {
  if (typeof value !== "string" || value === "" || value === "." || value === ".." || !value.isWellFormed())
    throw new ShoalError("invalid_argument", `${name}: has to be an id or a name`, { field: name });
  return encodeURIComponent(value);
}

export function searchOf(query: Readonly<Record<string, unknown>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, textOf(value));
  return search.size === 0 ? "" : `?${search.toString()}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
