/**
 * JSON as processors' payloads need it: a `Date` is RFC 3339, a `Map` an object, a `Set` an array. What has no JSON (a BigInt,
 * a circle) is the author's mistake in that one event, and is said with its place.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

/** Throws `invalid_argument` where there is no JSON for it. */
export function encodeJson(value: unknown): string {
  try {
    const text = JSON.stringify(value, replace) as string | undefined;
    if (text !== undefined) return text;
  } catch (thrown) {
    if (thrown instanceof ShoalError) throw thrown;
    // A circle through Maps is endless depth rather than a circle to JSON.stringify.
    const why = thrown instanceof RangeError ? "it is too deep, or contains itself" : firstLine(messageOf(thrown));
    throw new ShoalError("invalid_argument", `the payload has no JSON: ${why}`, { field: "payload", cause: thrown });
  }
  throw new ShoalError("invalid_argument", "the payload has no JSON", { field: "payload" });
}

function replace(key: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    const field = key === "" ? "payload" : `payload: ${key}`;
    throw new ShoalError("invalid_argument", "a BigInt has no JSON: send it as text", { field });
  }
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Map) return Object.fromEntries(value as Map<string, unknown>);
  return value instanceof Set ? [...(value as Set<unknown>)] : value;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
