/**
 * Whether a body has the types of its kind. What has the wrong type is refused (400). A field that the kind does not have is
 * dropped, or refused under strict validation, as the real API prunes it. Custom resources have no schema and pass.
 */
import type { Kind } from "../kinds.ts";
import { isFields, type Fields } from "../object.ts";
import { badRequest } from "../status.ts";
import { fieldType, types } from "./types.ts";

/** Amounts that may be written as numbers. */
const QUANTITIES = new Set(["limits", "requests", "capacity", "allocatable", "overhead", "sizeLimit", "divisor"]);

const PLAIN: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  Date: (value) => typeof value === "string" && !Number.isNaN(Date.parse(value)),
  V1MicroTime: (value) => typeof value === "string" && !Number.isNaN(Date.parse(value)),
  IntOrString: (value) => typeof value === "string" || Number.isInteger(value),
};

interface Check {
  readonly kind: Kind;
  readonly unknown: string[];
}

/** Drops unknown fields from `object` itself, and says which, for a warning. */
export function checkTypes(kind: Kind, object: Fields, fieldValidation: string | null): readonly string[] {
  if (kind.schema === undefined) return [];
  const check: Check = { kind, unknown: [] };
  checkFields(check, kind.schema, object, "");
  const unknown = check.unknown.map((path) => `unknown field "${path}"`);
  if (unknown.length === 0 || fieldValidation === "Ignore") return [];
  if (fieldValidation !== "Strict") return unknown;
  const said = unknown.join(", ");
  throw badRequest(
    `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: strict decoding error: ${said}`,
  );
}

function checkFields(check: Check, type: string, fields: Fields, path: string): void {
  const described = types()[type]?.fields ?? {};
  for (const [name, value] of Object.entries(fields)) {
    const here = path === "" ? name : `${path}.${name}`;
    const expected = described[name];
    if (expected === undefined) {
      if (name.startsWith("$")) continue;
      check.unknown.push(here);
      delete fields[name];
    } else if (value !== null && value !== undefined) checkValue(check, expected, value, here, QUANTITIES.has(name));
  }
}

function checkValue(check: Check, expected: string, value: unknown, path: string, isQuantity: boolean): void {
  const type = fieldType(expected);
  switch (type.shape) {
    case "list":
      if (!Array.isArray(value)) throw wrongType(check, path, value, `[]${type.of}`);
      (value as readonly unknown[]).forEach((item, i) => checkValue(check, type.of, item, `${path}[${i}]`, false));
      return;
    case "map":
      if (!isFields(value)) throw wrongType(check, path, value, `map[string]${type.of}`);
      for (const [key, item] of Object.entries(value)) {
        if (item !== null) checkValue(check, type.of, item, `${path}.${key}`, isQuantity);
      }
      return;
    case "type":
      if (!isFields(value)) throw wrongType(check, path, value, type.name);
      checkFields(check, type.name, value, path);
      return;
    case "plain":
      if (isQuantity && typeof value === "number") return;
      if (PLAIN[type.name]?.(value) === false || (type.format === "int32" && !Number.isInteger(value))) {
        throw wrongType(check, path, value, type.name);
      }
  }
}

function wrongType(check: Check, path: string, value: unknown, expected: string): ReturnType<typeof badRequest> {
  const { kind, version } = check.kind;
  const given = Array.isArray(value) ? "array" : typeof value;
  return badRequest(
    `${kind} in version "${version}" cannot be handled as a ${kind}: json: cannot unmarshal ${given} into field ${path} of type ${expected}`,
  );
}
