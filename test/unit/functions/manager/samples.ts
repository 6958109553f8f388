/** Requests made from an endpoint's own schemas, so that an endpoint that is added later is called without writing a test. */
import { z } from "zod";
import type { Endpoint } from "@shoal/shared/wire/endpoints/endpoint.ts";
import { DIGEST } from "./harness.ts";

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** Texts whose shape no schema tells by example, by the name of their field. */
const TEXTS: Readonly<Record<string, string>> = {
  template: "meter",
  slug: "sample",
  digest: DIGEST,
  image_uri: "registry.example.test/sample",
  email: "sample@example.test",
  version: "9.9.9",
};

/** A body that the endpoint takes, with required fields only. */
export function sampleBody(endpoint: Endpoint): unknown {
  if (endpoint.body === undefined) return undefined;
  return sampleOf(z.toJSONSchema(endpoint.body, { io: "input", unrepresentable: "any" }) as JsonSchema, "");
}

function sampleOf(schema: JsonSchema, name: string): unknown {
  if (schema.anyOf?.[0] !== undefined) return sampleOf(schema.anyOf[0], name);
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.type === "array") return schema.items === undefined ? [] : [sampleOf(schema.items, name)];
  if (schema.type === "boolean") return false;
  if (schema.type === "integer" || schema.type === "number") return 1;
  if (schema.type === "string") return TEXTS[name] ?? "sample";
  const { properties = {}, required = [] } = schema;
  return Object.fromEntries(required.map((field) => [field, sampleOf(properties[field] ?? {}, field)]));
}

/** The endpoint's path below `/api/v1`, each parameter replaced. */
export function pathOf(endpoint: Endpoint, parameter: string): string {
  return endpoint.path.slice("/api/v1".length).replaceAll(/\{[a-z_]+\}/g, encodeURIComponent(parameter));
}

export function hasParams(endpoint: Endpoint): boolean {
  return endpoint.path.includes("{");
}
