/** What to do about a failure of a command that talks to a node, where that can be said. */
import { ApiError } from "@shoal/client/index.ts";
import { NodeAuthError, RpcError } from "@shoal/client/node/client.ts";
import type { ErrorCode, ShoalError } from "@shoal/shared/base/errors.ts";
import type { NodeConnection } from "../settings/nodes.ts";

type Hint = (error: ShoalError, node: NodeConnection, group: string) => string | undefined;

const LISTED = new Set(["app", "alias", "blob", "context", "group", "namespace", "node"]);
const login = ({ name, url }: NodeConnection): string =>
  `\`shoal auth login --username <name> ${name === undefined ? `--api ${url}` : `--node ${name}`}\``;

const HINTS: Partial<Record<ErrorCode, Hint>> = {
  unavailable: (error, { url, source }) => {
    if (error instanceof ApiError) return "it answers, but not now: try again in a moment";
    if (error instanceof RpcError) return "the context is not ready: try again in a moment";
    return `nothing runs at ${url} (${source}): start it with \`shoal node run\`, or name another with --node or --api`;
  },
  unauthenticated: (error, node) => {
    // Without the word it was a login that failed: there is nothing to add to that.
    if (error instanceof ApiError && !(error instanceof NodeAuthError)) return undefined;
    return node.tokens === undefined ? `sign in: ${login(node)}` : `the sign-in is over: ${login(node)}`;
  },
  permission_denied: (error) => {
    if (error instanceof NodeAuthError && error.authError === "permission_denied")
      return "whoever holds keys:permissions can give it: `shoal auth keys permissions <key> --add <permission>`";
    if (error instanceof NodeAuthError) return "these tokens are for another node: sign in at this address";
    return "the node knows you, but this group or context does not let you: see `shoal group members list <group>`";
  },
  not_found: (error, _, group) => {
    if (error instanceof RpcError) return "`shoal context list` shows what there is";
    if (group === "call" || group === "watch") return "`shoal context list` shows what there is";
    return LISTED.has(group) ? `\`shoal ${group} list\` shows what there is` : undefined;
  },
  already_exists: (error) => (error.field === "alias" ? "`shoal alias delete` frees a name" : undefined),
  rate_limited: (error) =>
    `try again ${error.retryAfterSeconds === undefined ? "later" : `in ${error.retryAfterSeconds} s`}`,
  internal: (error) => (error instanceof ApiError ? "the node's log says more, under the request id" : undefined),
  invalid_argument: (error, _, group) => {
    if (!(error instanceof RpcError)) return `\`shoal ${group} --help\` shows what is expected`;
    // What the method itself says needs no more.
    return error.thrown === undefined ? "`shoal app abi <application>` shows methods and their arguments" : undefined;
  },
};

/** The server's sentence, unless it speaks of headers: that is for programs. */
export function nodeMessageOf(error: ShoalError): string {
  const isUnsigned = error instanceof NodeAuthError && error.authError === "missing_token";
  return isUnsigned ? "you are not signed in to this node" : error.message;
}

export function nodeHintOf(error: ShoalError, node: NodeConnection, group: string): string | undefined {
  return HINTS[error.code]?.(error, node, group);
}
