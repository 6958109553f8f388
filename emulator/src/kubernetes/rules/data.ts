/** ConfigMaps and Secrets: their keys, their size, and that what was called immutable stays so. */
import { fieldsAt, isFields, valueAt, type ApiObject, type Fields } from "../object.ts";
import type { StatusCause } from "../status.ts";
import { PLAIN_RULES, immutable, wrong, type KindRules } from "./rules.ts";

const MOST_BYTES = 1024 ** 2;
const KEY = /^[-._a-zA-Z0-9]{1,253}$/;

function keyFaults(object: ApiObject, field: string): StatusCause[] {
  return Object.keys(fieldsAt(object, field)).flatMap((key) =>
    KEY.test(key)
      ? []
      : [
          wrong(
            `${field}[${key}]`,
            key,
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
          ),
        ],
  );
}

function sizeFaults(object: ApiObject, fields: readonly string[]): StatusCause[] {
  const size = fields
    .flatMap((field) => Object.entries(fieldsAt(object, field)))
    .reduce((sum, [, value]) => sum + (typeof value === "string" ? Buffer.byteLength(value) : 0), 0);
  if (size <= MOST_BYTES) return [];
  return [{ reason: "FieldValueTooLong", message: `Too long: must have at most ${MOST_BYTES} bytes`, field: "" }];
}

function frozenFaults(next: ApiObject, before: ApiObject, fields: readonly string[]): readonly StatusCause[] {
  if (before["immutable"] !== true) return [];
  const of = (object: ApiObject): Fields =>
    Object.fromEntries([...fields, "immutable"].map((field) => [field, object[field]]));
  const fault = immutable("data", of(next), of(before));
  if (fault.length === 0) return [];
  return [
    { reason: "FieldValueForbidden", message: "Forbidden: field is immutable when `immutable` is set", field: "data" },
  ];
}

export const CONFIG_MAP_RULES: KindRules = {
  ...PLAIN_RULES,
  faults: (object) => [
    ...keyFaults(object, "data"),
    ...keyFaults(object, "binaryData"),
    ...sizeFaults(object, ["data", "binaryData"]),
  ],
  updateFaults: (next, before) => frozenFaults(next, before, ["data", "binaryData"]),
};

export const SECRET_RULES: KindRules = {
  ...PLAIN_RULES,
  selectable: ["type"],
  defaults: (object) => {
    object["type"] ??= "Opaque";
    const given = object["stringData"];
    if (!isFields(given)) return;
    const coded = Object.entries(given).map(([key, value]) => [key, Buffer.from(String(value)).toString("base64")]);
    object["data"] = { ...fieldsAt(object, "data"), ...Object.fromEntries(coded) };
    delete object["stringData"];
  },
  faults: (object) => [...keyFaults(object, "data"), ...sizeFaults(object, ["data"])],
  updateFaults: (next, before) => [
    ...immutable("type", valueAt(next, "type"), valueAt(before, "type")),
    ...frozenFaults(next, before, ["data"]),
  ],
};
