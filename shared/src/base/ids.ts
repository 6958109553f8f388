/**
 * Branded ids. Every id that Shoal makes is `<prefix>-<20 characters>` of lower-case base 32: 100 bits of chance, a valid
 * Kubernetes label value and name part, and a single routing-key word (no dots).
 */
import type { Random } from "./random.ts";

declare const idBrand: unique symbol;
type Id<Name extends string> = string & { readonly [idBrand]: Name };

export type OrganisationId = Id<"organisation">;
export type UserId = Id<"user">;
export type ApiKeyId = Id<"api-key">;
export type SessionId = Id<"session">;
export type TemplateId = Id<"template">;
export type VersionId = Id<"version">;
export type ProcessorId = Id<"processor">;
export type OperationId = Id<"operation">;
export type ClusterId = Id<"cluster">;

export const ID_PREFIX = {
  organisation: "org",
  user: "usr",
  apiKey: "key",
  session: "ses",
  template: "tpl",
  version: "ver",
  processor: "prc",
  operation: "op",
  request: "req",
} as const;

const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";

/** A new id of the given kind. */
export function makeId<T extends string>(kind: keyof typeof ID_PREFIX, random: Random): T {
  let text = "";
  for (const byte of random.bytes(20)) text += ALPHABET[byte & 31];
  return `${ID_PREFIX[kind]}-${text}` as T;
}

/** Shape of the ids that `makeId` makes, for validation at the border. */
export function idPattern(kind: keyof typeof ID_PREFIX): RegExp {
  return new RegExp(`^${ID_PREFIX[kind]}-[${ALPHABET}]{20}$`);
}
