/** A valid request of every endpoint: what the tests that go over the registry send, and mutate. */
import type { NodeEndpoint } from "@shoal/shared/wire/node/endpoint.ts";
import { NODE_ENDPOINTS } from "@shoal/shared/wire/node/index.ts";
import { z } from "zod";
import { APPLICATION, CONTEXT, GROUP } from "./ids.ts";

export interface Sample {
  readonly endpoint: NodeEndpoint;
  readonly params: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Values of parameters and fields by name, where their type alone does not say enough. */
const BY_NAME: Readonly<Record<string, string>> = {
  url: "http://127.0.0.1:1/app.wasm",
  path: "/app.wasm",
  applicationId: APPLICATION,
  method: "subscribe",
  name: "name",
  alias: "name",
  package: "com.example.kv",
  address: "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWPeer11111111",
};

/** In the order of the registry; a new endpoint is in it by being declared. */
export const SAMPLES: readonly Sample[] = NODE_ENDPOINTS.map((endpoint) => ({
  endpoint,
  params: Object.fromEntries(
    Object.entries(endpoint.params.shape).map(([name, schema]) => [name, String(valueOf(name, schema as z.ZodType))]),
  ),
  body: endpoint.body === undefined || endpoint.body === "bytes" ? undefined : valueOf("", endpoint.body),
}));

export function pathOf({ endpoint, params }: Sample): string {
  return endpoint.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
}

/** The permission of an endpoint with the sample's parameters. */
export function permissionOf({ endpoint, params }: Sample): string {
  return endpoint.permission.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? "");
}

/** A value that the schema takes: the named one, one that its JSON schema lists, or the first of a few that passes. */
function valueOf(name: string, schema: z.ZodType): unknown {
  if (schema instanceof z.ZodObject) {
    return Object.fromEntries(
      Object.entries(schema.shape as Record<string, z.ZodType>)
        .filter(([, field]) => !field.safeParse(undefined).success)
        .map(([field, inner]) => [field, valueOf(field, inner)]),
    );
  }
  if (schema instanceof z.ZodArray) {
    const { minItems = 1 } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
    const items = Array.from({ length: minItems }, () => valueOf(name, schema.element as z.ZodType));
    if (schema.safeParse(items).success) return items;
  }
  const candidates = [BY_NAME[name], ...listed(schema), CONTEXT, GROUP, "1", "name", "0".repeat(128), 1, true, {}, []];
  const found = candidates.find((candidate) => candidate !== undefined && schema.safeParse(candidate).success);
  if (found !== undefined) return found;
  throw new Error(`no sample for ${name}: ${JSON.stringify(z.toJSONSchema(schema, { unrepresentable: "any" }))}`);
}

/** What an enumeration allows, wherever it stands in a schema. */
function listed(schema: z.ZodType): readonly unknown[] {
  const { enum: values = [], anyOf = [] } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return [...values, ...anyOf.flatMap((each) => each.enum ?? (each.const === undefined ? [] : [each.const]))];
}
