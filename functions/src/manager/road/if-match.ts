/** `If-Match` against a generation (RFC 9110, 13.1.1): entity tags are compared strongly, `*` is any. */
import { ShoalError } from "@shoal/shared/base/errors.ts";

const TAGS = /^\s*(W\/)?"[\x21\x23-\x7e]*"(\s*,\s*(W\/)?"[\x21\x23-\x7e]*")*\s*$/;
const FIELD = "If-Match";

export function etagOf(generation: number): string {
  return `"${generation}"`;
}

/** Throws `precondition_required` where the header is missing and `invalid_argument` where it is malformed. */
export function requireIfMatch(header: string | undefined): void {
  if (header === undefined)
    throw new ShoalError("precondition_required", "send If-Match with the ETag that you have read", { field: FIELD });
  if (header.trim() !== "*" && !TAGS.test(header))
    throw new ShoalError("invalid_argument", 'If-Match: has to be an ETag such as "3"', { field: FIELD });
}

export function refuseMismatch(header: string | undefined, generation: number): void {
  const tags = (header ?? "").split(",").map((tag) => tag.trim());
  if (tags.includes("*") || tags.includes(etagOf(generation))) return;
  throw new ShoalError("precondition_failed", `it has changed meanwhile: its ETag is ${etagOf(generation)} now`, {
    field: FIELD,
  });
}
