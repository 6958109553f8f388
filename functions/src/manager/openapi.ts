/** The API as an OpenAPI 3.1 document, made from the registry: it cannot say anything that the router does not do. */
import { z } from "zod";
import { ERROR_STATUS, httpStatusOf, type ErrorCode } from "@shoal/shared/base/errors.ts";
import { COMMON_ERRORS, type AnswerKind, type Endpoint } from "@shoal/shared/wire/endpoints/endpoint.ts";
import { ENDPOINT_LIST } from "@shoal/shared/wire/endpoints/index.ts";
import { errorBodySchema } from "@shoal/shared/wire/error-body.ts";

type Json = Record<string, unknown>;

export function openApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const endpoint of ENDPOINT_LIST)
    (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operationOf(endpoint);
  return {
    openapi: "3.1.0",
    info: { title: "Shoal", version, description: "A control plane that keeps long-lived containers alive." },
    paths,
    components: {
      schemas: { Error: schemaOf(errorBodySchema, "output") },
      securitySchemes: { bearer: { type: "http", scheme: "bearer", description: "an API key or a session's token" } },
    },
  };
}

function operationOf(endpoint: Endpoint): Json {
  const { id, summary, scope, body } = endpoint;
  return {
    operationId: id,
    summary,
    tags: [id.split(".")[0]],
    "x-shoal-scope": scope,
    security: scope === "public" ? [] : [{ bearer: [] }],
    parameters: parametersOf(endpoint),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(endpoint.responses).map(([status, kind]) => [status, successOf(kind, endpoint.streams)]),
      ),
      ...refusalsOf(endpoint),
    },
  };
}

function parametersOf(endpoint: Endpoint): readonly Json[] {
  const text = { type: "string" };
  const headers = [
    ...(endpoint.conditional
      ? [{ name: "If-Match", in: "header", required: true, schema: text, description: "the ETag that was read" }]
      : []),
    ...(endpoint.idempotent
      ? []
      : [{ name: "Idempotency-Key", in: "header", schema: text, description: "makes repeating the request harmless" }]),
    ...(endpoint.streams
      ? [{ name: "Last-Event-ID", in: "header", schema: text, description: "goes on with a stream after this event" }]
      : []),
  ];
  return [...fieldsOf(endpoint.params, "path"), ...fieldsOf(endpoint.query, "query"), ...headers];
}

function fieldsOf(schema: z.ZodObject, where: "path" | "query"): readonly Json[] {
  const { properties, required } = schemaOf(schema, "input") as { properties?: Json; required?: readonly string[] };
  return Object.entries(properties ?? {}).map(([name, field]) => ({
    name,
    in: where,
    required: where === "path" || required?.includes(name) === true,
    schema: field,
  }));
}

function successOf(kind: AnswerKind, streams: boolean): Json {
  if (kind === "empty") return { description: "done" };
  if (kind === "text")
    return { description: "text, as it comes", content: { "text/plain": { schema: { type: "string" } } } };
  const content = {
    "application/json": { schema: schemaOf(kind, "output") },
    ...(streams ? { "text/event-stream": { schema: { type: "string" } } } : {}),
  };
  return { description: "done", content };
}

const OF_EVERY_CALLER: readonly ErrorCode[] = ["unauthenticated", "permission_denied"];
const OF_BODIES: readonly ErrorCode[] = ["malformed_json", "payload_too_large", "unsupported_media_type"];
const OF_REPEATS: readonly ErrorCode[] = ["idempotency_key_in_use", "idempotency_key_reused"];

function refusalsOf(endpoint: Endpoint): Json {
  const codes = new Set<ErrorCode>([
    ...COMMON_ERRORS,
    ...endpoint.errors,
    ...(endpoint.scope === "public" ? [] : OF_EVERY_CALLER),
    ...(endpoint.body === undefined ? [] : OF_BODIES),
    ...(endpoint.idempotent ? [] : OF_REPEATS),
  ]);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of Object.keys(ERROR_STATUS) as ErrorCode[]) {
    if (!codes.has(code)) continue;
    const status = httpStatusOf(code);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };
  return Object.fromEntries(
    [...byStatus].map(([status, named]) => [status, { description: named.join(", "), content }]),
  );
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  // The dialect is OpenAPI 3.1's own default; what zod cannot say in JSON Schema is checked all the same.
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any", target: "draft-2020-12" });
  return rest;
}
