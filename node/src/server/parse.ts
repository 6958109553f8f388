/** Input against its schema; a refusal names the first thing that is wrong. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { z } from "zod";

/** Throws `invalid_argument` whose field is the path of the offending input. */
export function parse<T extends z.ZodType>(schema: T, input: unknown): z.output<T> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const { field, message } = firstIssue(result.error);
  if (field === undefined) throw new ShoalError("invalid_argument", message);
  throw new ShoalError("invalid_argument", `${field}: ${message}`, { field });
}

interface Issue {
  readonly field: string | undefined;
  readonly message: string;
}

export function firstIssue(error: z.ZodError): Issue {
  const [issue] = error.issues;
  if (issue === undefined) return { field: undefined, message: "not as expected" };
  const field = issue.path.map(String).join(".");
  return { field: field === "" ? undefined : field, message: issue.message };
}
