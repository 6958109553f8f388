/**
 * What PostgreSQL says, in our codes, mapped in one place. A database that cannot be reached is `unavailable`: the caller
 * keeps what it has and tries again, and nothing is concluded about the rows.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";

/** SQLSTATE classes and codes after which the same transaction may succeed. */
const RETRYABLE = new Set(["40001", "40P01"]);
/** Connection lost, shutting down, out of resources, cancelled by a time-out, not given a lock in time. */
const UNAVAILABLE = /^(08|57P0[1235]|53[123]|57014|25P0[34]|55P03)/;
const NETWORK = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOENT",
  "EHOSTUNREACH",
  "EAI_AGAIN",
  "ENOTFOUND",
]);

const codeOf = (thrown: unknown): string => {
  const code: unknown = typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : undefined;
  return typeof code === "string" ? code : "";
};

/** Serialization failure or deadlock: the transaction had no effect and may be run again. */
export function isRetryable(thrown: unknown): boolean {
  return RETRYABLE.has(codeOf(thrown));
}

export function isUnavailable(thrown: unknown): boolean {
  const code = codeOf(thrown);
  if (UNAVAILABLE.test(code) || NETWORK.has(code)) return true;
  return (
    thrown instanceof Error &&
    /timeout exceeded when trying to connect|Connection terminated|Query read timeout|is not queryable|pool after calling end/.test(
      thrown.message,
    )
  );
}

/** Name of the violated unique constraint or index, if that is what happened. */
export function uniqueViolation(thrown: unknown): string | undefined {
  if (codeOf(thrown) !== "23505") return undefined;
  const constraint: unknown =
    typeof thrown === "object" && thrown !== null && "constraint" in thrown ? thrown.constraint : undefined;
  return typeof constraint === "string" ? constraint : "";
}

/** The error to hand on: ours as it is, an outage as `unavailable`, everything else unchanged (a fault of ours). */
export function fromPostgres(thrown: unknown): unknown {
  if (thrown instanceof ShoalError || !isUnavailable(thrown)) return thrown;
  return new ShoalError("unavailable", "the database cannot be reached", { cause: thrown, retryAfterSeconds: 2 });
}
