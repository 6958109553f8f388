/** How a kind differs from the plain case. Every function gets a copy that it may change, or only reads. Pure. */
import { sameJson, type ApiObject, type Fields } from "../object.ts";
import type { StatusCause } from "../status.ts";

export interface KindRules {
  /** Field paths that a field selector may name, beyond metadata.name and metadata.namespace. */
  readonly selectable: readonly string[];
  /** Puts in what the API fills in where the caller left it out. */
  readonly defaults?: (object: ApiObject) => void;
  /** Sets what only the server says of a new object. */
  readonly created?: (object: ApiObject) => void;
  readonly faults?: (object: ApiObject) => readonly StatusCause[];
  readonly updateFaults?: (next: ApiObject, before: ApiObject) => readonly StatusCause[];
  /** What moves `metadata.generation`; kinds without have none. */
  readonly generationOf?: (object: ApiObject) => unknown;
  /** Seconds that a delete gives it; undefined: it goes at once. */
  readonly grace?: (object: ApiObject, asked: number | undefined) => number;
  /** A status write must not move anything else; false for custom resources keeps even labels. */
  readonly statusCarriesLabels: boolean;
}

export const PLAIN_RULES: KindRules = { selectable: [], statusCarriesLabels: true };

function besidesStatus(object: ApiObject): Fields {
  const { metadata: _metadata, status: _status, ...rest } = object;
  return rest;
}

export const CUSTOM_RULES: KindRules = {
  selectable: [],
  statusCarriesLabels: false,
  generationOf: besidesStatus,
};

/** The cause of a field that must not change. */
export function immutable(field: string, next: unknown, before: unknown): readonly StatusCause[] {
  if (sameJson(next, before)) return [];
  return [
    {
      reason: "FieldValueInvalid",
      message: `Invalid value: ${JSON.stringify(next)}: field is immutable`,
      field,
    },
  ];
}

export function required(field: string, message = "Required value"): StatusCause {
  return { reason: "FieldValueRequired", message, field };
}

export function wrong(field: string, value: unknown, why: string): StatusCause {
  return { reason: "FieldValueInvalid", message: `Invalid value: ${JSON.stringify(value)}: ${why}`, field };
}

export function unsupported(field: string, value: unknown, supported: readonly string[]): StatusCause {
  const list = supported.map((one) => JSON.stringify(one)).join(", ");
  return {
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`,
    field,
  };
}
