/** OpenAPI v3, one document per group: enough for kubectl to validate, to patch by merge keys, and to explain. */
import { KINDS, type Kind } from "../kinds.ts";
import { BUILT_IN_LISTS, SETS } from "../patches/list-keys.ts";
import { descriptions, fieldType, types } from "../schema/types.ts";
import { json, type Answer } from "./call.ts";

/** Names the content: clients keep a document by it. */
const HASH = "shoal-1";

function pathOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `apis/${apiVersion}` : `api/${apiVersion}`;
}

export function openApiIndex(): Answer {
  const versions = [...new Set(KINDS.map((kind) => pathOf(kind.apiVersion)))];
  const paths = versions.map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${HASH}` }]);
  return json(200, { paths: Object.fromEntries(paths) });
}

export function openApiOf(document: string): Answer | undefined {
  const kinds = KINDS.filter((kind) => pathOf(kind.apiVersion) === document);
  if (kinds.length === 0) return undefined;
  const schemas = { ...Object.fromEntries(kinds.map(rootSchema)), ...typeSchemas(kinds) };
  return json(200, {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.32.0" },
    paths: Object.assign({}, ...kinds.map(pathsOf)) as object,
    components: { schemas },
  });
}

function schemaName(kind: Kind): string {
  return kind.schema ?? `${kind.version}.${kind.kind}`;
}

function identity(kind: Kind): object {
  return { group: kind.group, kind: kind.kind, version: kind.version };
}

function pathsOf(kind: Kind): object {
  const root = `/${pathOf(kind.apiVersion)}${kind.namespaced ? "/namespaces/{namespace}" : ""}/${kind.plural}`;
  const operation = (action: string): object => ({
    operationId: `${action}${kind.kind}`,
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": identity(kind),
    parameters: ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({
      name,
      in: "query",
      schema: { type: "string", uniqueItems: true },
    })),
    responses: { "200": { description: "OK" } },
  });
  return {
    [root]: { get: operation("list"), post: operation("post") },
    [`${root}/{name}`]: {
      get: operation("get"),
      put: operation("put"),
      patch: operation("patch"),
      delete: operation("delete"),
    },
  };
}

function rootSchema(kind: Kind): [string, object] {
  return [
    schemaName(kind),
    {
      type: "object",
      "x-kubernetes-group-version-kind": [identity(kind)],
      "x-kubernetes-preserve-unknown-fields": true,
    },
  ];
}

/** Every type that the kinds reach. */
function typeSchemas(kinds: readonly Kind[]): Record<string, object> {
  const texts = descriptions();
  const schemas: Record<string, object> = {};
  const waiting = kinds.flatMap((kind) => (kind.schema === undefined ? [] : [kind.schema]));
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const type = types()[name];
    if (type === undefined || schemas[name] !== undefined) continue;
    const root = kinds.find((kind) => kind.schema === name);
    const properties = Object.entries(type.fields).map(([field, text]): [string, object] => {
      waiting.push(...namesIn(text));
      const described = texts[name]?.[field];
      return [
        field,
        {
          ...(described === undefined ? {} : { description: described }),
          ...valueSchema(field, text),
          ...mergeHints(field, text),
        },
      ];
    });
    schemas[name] = {
      type: "object",
      description: texts[name]?.[""] ?? "",
      properties: Object.fromEntries(properties),
      ...(type.required === undefined ? {} : { required: type.required }),
      ...(root === undefined ? {} : { "x-kubernetes-group-version-kind": [identity(root)] }),
    };
  }
  return schemas;
}

function namesIn(text: string): string[] {
  const type = fieldType(text);
  if (type.shape === "type") return [type.name];
  return type.shape === "plain" ? [] : namesIn(type.of);
}

const PLAIN: Readonly<Record<string, object>> = {
  string: { type: "string" },
  boolean: { type: "boolean" },
  Date: { type: "string", format: "date-time" },
  V1MicroTime: { type: "string", format: "date-time" },
  IntOrString: { oneOf: [{ type: "integer" }, { type: "string" }], format: "int-or-string" },
};

const QUANTITIES = new Set(["limits", "requests", "capacity", "allocatable", "overhead", "sizeLimit", "divisor"]);
const QUANTITY = { oneOf: [{ type: "string" }, { type: "number" }] };

function valueSchema(field: string, text: string): object {
  const type = fieldType(text);
  switch (type.shape) {
    case "list":
      return { type: "array", items: valueSchema("", type.of) };
    case "map":
      return { type: "object", additionalProperties: QUANTITIES.has(field) ? QUANTITY : valueSchema("", type.of) };
    case "type":
      return { allOf: [{ $ref: `#/components/schemas/${type.name}` }] };
    case "plain": {
      if (QUANTITIES.has(field)) return QUANTITY;
      const format = type.format === "" ? {} : { format: type.format };
      if (type.name === "number") return { type: type.format.startsWith("int") ? "integer" : "number", ...format };
      return { ...PLAIN[type.name], ...format };
    }
  }
}

/** How strategic merge treats a list: kubectl makes its patches by these. */
function mergeHints(field: string, text: string): object {
  if (fieldType(text).shape !== "list") return {};
  if (SETS.has(field)) return { "x-kubernetes-patch-strategy": "merge", "x-kubernetes-list-type": "set" };
  const keys = BUILT_IN_LISTS[field];
  if (keys === undefined) return { "x-kubernetes-list-type": "atomic" };
  return {
    "x-kubernetes-patch-merge-key": keys.strategic,
    "x-kubernetes-patch-strategy": "merge",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": keys.apply,
  };
}
