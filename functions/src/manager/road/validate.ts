/** Input against the endpoint's schemas. The first thing that is wrong is told, with its path in the caller's own terms. */
import type { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { isStorable } from "./body.ts";

/** `value` as the schema reads it; throws `invalid_argument` with the field. `at` is put before the path. */
export function validated<Schema extends z.ZodType>(schema: Schema, value: unknown, at?: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue === undefined) throw new ShoalError("invalid_argument", "is not valid");
  const unknown = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const path = [...(at === undefined ? [] : [at]), ...issue.path, ...unknown].map(String).join(".").slice(0, 300);
  const message = unknown.length > 0 ? "is not a field that exists here" : issue.message;
  throw new ShoalError(
    "invalid_argument",
    path === "" ? message : `${path}: ${message}`,
    path === "" ? {} : { field: path },
  );
}

/** The query as an object of texts; a name may occur once. */
export function queryOf(url: string): Record<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of new URL(url).searchParams) {
    if (fields.has(name)) throw new ShoalError("invalid_argument", `${name}: is given twice`, { field: name });
    fields.set(name, value);
  }
  return storable(Object.fromEntries(fields));
}

/** The same texts, if PostgreSQL can carry each of them. */
export function storable(texts: Record<string, string>): Record<string, string> {
  for (const [name, text] of Object.entries(texts)) {
    if (!isStorable(name) || !isStorable(text)) {
      const field = isStorable(name) ? name : "query";
      throw new ShoalError("invalid_argument", `${field}: has a NUL character`, { field });
    }
  }
  return texts;
}
