/**
 * A real HTTP server whose routes are the endpoint registry: input and answers are held against the schemas, credentials,
 * `If-Match` and unknown routes are refused as the manager refuses them. A test says what each endpoint answers.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ENDPOINT_LIST, type EndpointId } from "@shoal/shared/wire/endpoints/index.ts";
import { httpStatusOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Endpoint } from "@shoal/shared/wire/endpoints/endpoint.ts";

export interface Call {
  readonly id: string;
  readonly params: Record<string, string>;
  readonly query: Record<string, unknown>;
  readonly body: unknown;
  readonly headers: IncomingMessage["headers"];
  readonly response: ServerResponse;
}

/** Returns the answer's body, throws a `ShoalError`, or writes to `response` itself. */
export type Handler = (call: Call) => unknown;

export interface RegistryServer {
  readonly url: string;
  readonly calls: Call[];
  readonly handlers: Partial<Record<EndpointId, Handler>>;
  readonly stop: () => Promise<void>;
}

export const TOKEN = "shoal_key_test";

export async function startRegistryServer(handlers: Partial<Record<EndpointId, Handler>>): Promise<RegistryServer> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    serve(handlers, calls, request, response).catch((thrown: unknown) => refuse(response, thrown));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    handlers,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  handlers: Partial<Record<string, Handler>>,
  calls: Call[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://local");
  const [endpoint, params] = route(request.method ?? "", url.pathname);
  const bytes = await request.toArray();
  if (endpoint.scope !== "public" && request.headers.authorization !== `Bearer ${TOKEN}`)
    throw new ShoalError("unauthenticated", "the credential is not known");
  if (endpoint.conditional && request.headers["if-match"] === undefined)
    throw new ShoalError("precondition_required", "needs If-Match");
  const text = Buffer.concat(bytes).toString();
  const call: Call = {
    id: endpoint.id,
    params: checked(endpoint.params, params) as Record<string, string>,
    query: checked(endpoint.query, Object.fromEntries(url.searchParams)) as Record<string, unknown>,
    body: endpoint.body === undefined ? undefined : checked(endpoint.body, JSON.parse(text || "{}")),
    headers: request.headers,
    response,
  };
  calls.push(call);
  const handler = handlers[endpoint.id];
  if (handler === undefined) throw new ShoalError("internal", `the test says nothing about ${endpoint.id}`);
  const body = await handler(call);
  if (response.headersSent || response.destroyed) return;
  const [status, kind] = Object.entries(endpoint.responses)[0] ?? ["200", "empty" as const];
  if (kind === "empty") response.writeHead(Number(status)).end();
  else if (kind === "text") response.writeHead(Number(status), { "content-type": "text/plain" }).end(String(body));
  else response.writeHead(Number(status), { "content-type": "application/json" }).end(JSON.stringify(kind.parse(body)));
}

function route(method: string, path: string): [Endpoint, Record<string, string>] {
  for (const endpoint of ENDPOINT_LIST) {
    const pattern = endpoint.path.replaceAll(".", "\\.").replace(/\{(\w+)\}/g, "(?<$1>[^/]+)");
    const match = new RegExp(`^${pattern}$`).exec(path);
    if (match === null || endpoint.method !== method) continue;
    const groups = Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]);
    return [endpoint, Object.fromEntries(groups) as Record<string, string>];
  }
  throw new ShoalError("not_found", `there is no ${method} ${path}`);
}

function checked(schema: Exclude<Endpoint["body"], undefined>, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.map(String).join(".") ?? "";
  throw new ShoalError("invalid_argument", `${field}: ${issue?.message ?? "is not valid"}`, { field });
}

function refuse(response: ServerResponse, thrown: unknown): void {
  if (response.headersSent) return void response.destroy();
  const error = thrown instanceof ShoalError ? thrown : new ShoalError("internal", String(thrown));
  const { code, message, field } = error;
  const retryAfter = error.retryAfterSeconds === undefined ? {} : { "retry-after": String(error.retryAfterSeconds) };
  response
    .writeHead(httpStatusOf(code), { "content-type": "application/json", ...retryAfter })
    .end(JSON.stringify({ error: { code, message, field, requestId: "req-test" } }));
}
