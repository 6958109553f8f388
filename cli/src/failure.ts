/** What went wrong, in words: the sentence, the field, the request's id, what to do; and the exit code. Never a stack. */
import { ApiError } from "@shoal/client/index.ts";
import { messageOf, ShoalError, type ErrorCode } from "@shoal/shared/base/errors.ts";
import { clean, type Format } from "./output.ts";
import { nodeHintOf, nodeMessageOf } from "./node/hints.ts";
import type { Connection } from "./settings/connection.ts";
import type { NodeConnection } from "./settings/nodes.ts";

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  notAllowed: 5,
  planLimit: 6,
  tryLater: 7,
  interrupted: 130,
} as const;

export function exitCodeOf(code: ErrorCode): number {
  switch (code) {
    case "invalid_argument":
    case "malformed_json":
    case "payload_too_large":
    case "unsupported_media_type":
    case "method_not_allowed":
      return EXIT.usage;
    case "not_found":
      return EXIT.notFound;
    case "already_exists":
    case "conflict":
    case "idempotency_key_in_use":
    case "idempotency_key_reused":
    case "precondition_failed":
    case "precondition_required":
      return EXIT.conflict;
    case "unauthenticated":
    case "permission_denied":
      return EXIT.notAllowed;
    case "plan_limit_exceeded":
      return EXIT.planLimit;
    case "rate_limited":
    case "resource_exhausted":
    case "unavailable":
    case "deadline_exceeded":
      return EXIT.tryLater;
    case "cancelled":
      return EXIT.interrupted;
    case "internal":
      return EXIT.failed;
  }
}

/** The text for standard error, and the exit code. `group` is the command's first word. */
export function failureOf(
  thrown: unknown,
  format: Format,
  context: {
    readonly connection: Connection | undefined;
    readonly node: NodeConnection | undefined;
    readonly group: string;
  },
): { readonly text: string; readonly exitCode: number } {
  const error = thrown instanceof ShoalError ? thrown : new ShoalError("internal", messageOf(thrown));
  const requestId = error instanceof ApiError ? error.requestId : undefined;
  const { connection, node, group } = context;
  const hint = node === undefined ? hintOf(error, connection, group) : nodeHintOf(error, node, group);
  const { code, field } = error;
  const message = node === undefined ? error.message : nodeMessageOf(error);
  const exitCode = exitCodeOf(code);
  if (format === "json")
    return { text: `${JSON.stringify({ error: { code, message, field, requestId, hint } })}\n`, exitCode };
  const lines = [`error: ${clean(message)}`, `  code: ${code}`];
  if (field !== undefined && field !== "") lines.push(`  field: ${clean(field)}`);
  if (requestId !== undefined) lines.push(`  request id: ${clean(requestId)}`);
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return { text: `${lines.join("\n")}\n`, exitCode };
}

const LISTED = new Set(["templates", "processors", "operations", "keys"]);

type Hint = (error: ShoalError, connection: Connection, group: string) => string | undefined;

const credential: Hint = () => "`shoal whoami` shows what this credential may do, and the plan's limits";

/** What to do about it, where that can be said. */
const HINTS: Partial<Record<ErrorCode, Hint>> = {
  unavailable: (error, { isLocal, url, source }, group) => {
    if (error instanceof ApiError) return "it answers, but not now: try again in a moment";
    if (group === "bus") return "does the broker run? Locally: `npm start`";
    return isLocal
      ? `nothing runs at ${url} (${source}): start it with \`npm start\``
      : `is ${url} (${source}) the right address, and does it run? Locally: \`npm start\``;
  },
  unauthenticated: (_, { isLocal, source }) =>
    isLocal
      ? `the token of ${source} is not known there: start the stack again with \`npm start\``
      : "sign in with `shoal login`, or give --token or SHOAL_TOKEN",
  permission_denied: credential,
  plan_limit_exceeded: credential,
  not_found: (_, __, group) => (LISTED.has(group) ? `\`shoal ${group} list\` shows what there is` : undefined),
  precondition_failed: () => "it was changed in the meantime: look at it again, then repeat the change",
  rate_limited: (error) =>
    `try again ${error.retryAfterSeconds === undefined ? "later" : `in ${error.retryAfterSeconds} s`}`,
  internal: (error) => (error instanceof ApiError ? "this is Shoal's fault: report it with the request id" : undefined),
  invalid_argument: (_, __, group) => `\`shoal ${group} --help\` shows what is expected`,
};

function hintOf(error: ShoalError, connection: Connection | undefined, group: string): string | undefined {
  if (connection !== undefined) return HINTS[error.code]?.(error, connection, group);
  return error.field === "url" && group !== "node"
    ? "start one here with `npm start`, or name one: `shoal login --url https://...`, --url or SHOAL_URL"
    : undefined;
}
