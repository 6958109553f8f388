/** The node's REST API as an OpenAPI 3.1 document, made from the registry: it cannot say anything that the router does not do. */
import { z } from "zod";
import { ERROR_STATUS, httpStatusOf, type ErrorCode } from "@shoal/shared/base/errors.ts";
import type { NodeAnswer, NodeEndpoint } from "@shoal/shared/wire/node/endpoint.ts";
import { NODE_ENDPOINTS } from "@shoal/shared/wire/node/index.ts";

type Json = Record<string, unknown>;

const errorSchema = z.object({
  error: z.string().describe("a sentence for people"),
  code: z.enum(Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]]),
  field: z.string().optional().describe("path of the offending input"),
  request_id: z.string(),
});

export function openApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const endpoint of NODE_ENDPOINTS)
    (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operationOf(endpoint);
  return {
    openapi: "3.1.0",
    info: { title: "Shoal node", version, description: "A node that runs applications and keeps their state." },
    paths,
    components: {
      schemas: { Error: schemaOf(errorSchema, "output") },
      securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
    },
  };
}

function operationOf(endpoint: NodeEndpoint): Json {
  const { id, summary, permission, generation, body } = endpoint;
  return {
    operationId: id,
    summary,
    tags: [id.split(".")[0]],
    "x-shoal-permission": permission,
    "x-shoal-generation": generation,
    security: permission === "public" ? [] : [{ bearer: [] }],
    parameters: [...fieldsOf(endpoint.params, "path"), ...fieldsOf(endpoint.query, "query")],
    ...(body === undefined ? {} : { requestBody: bodyOf(body) }),
    responses: { 200: { description: "done", ...contentOf(endpoint.answer) }, ...refusalsOf(endpoint) },
  };
}

function bodyOf(body: z.ZodType | "bytes"): Json {
  if (body === "bytes") return { required: true, content: { "application/octet-stream": {} } };
  const content = { "application/json": { schema: schemaOf(body, "input") } };
  return { required: !body.safeParse({}).success, content };
}

function contentOf(answer: NodeAnswer): Json {
  if (answer === "bytes") return { content: { "application/octet-stream": {} } };
  if (answer === "text") return { content: { "text/plain": { schema: { type: "string" } } } };
  if (answer === "events") return { content: { "text/event-stream": { schema: { type: "string" } } } };
  return { content: { "application/json": { schema: schemaOf(answer, "input") } } };
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

const OF_ALL: readonly ErrorCode[] = ["invalid_argument", "internal", "unavailable"];
const OF_CALLERS: readonly ErrorCode[] = ["unauthenticated", "permission_denied"];
const OF_BODIES: readonly ErrorCode[] = ["malformed_json", "payload_too_large", "unsupported_media_type"];

function refusalsOf(endpoint: NodeEndpoint): Json {
  const codes = new Set<ErrorCode>([
    ...OF_ALL,
    ...endpoint.errors,
    ...(endpoint.permission === "public" ? [] : OF_CALLERS),
    ...(endpoint.body === undefined ? [] : OF_BODIES),
  ]);
  const byStatus = Map.groupBy([...codes], httpStatusOf);
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
