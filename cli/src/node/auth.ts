/** `shoal auth`: signing in to a node, its keys, and what applications are given. */
import type { Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { details } from "../output.ts";
import { argument, text, texts, type Runtime } from "../session.ts";
import { dropTokens } from "../settings/nodes.ts";
import { addAuthKeys } from "./auth-keys.ts";
import { passwordOf } from "./input.ts";
import { actingIdentity, actOnNode, clientOf, contextOf, nodeFlags } from "./session.ts";

const CLIENT_NAME = "shoal";

export function addAuth(parent: Command, runtime: Runtime): void {
  const group = nodeFlags(parent.command("auth").description("who you are to a node, and who else may what"));
  group
    .command("login")
    .option("--username <name>", "(SHOAL_NODE_USER)")
    .option("--password-stdin", "read the password from standard input (else: SHOAL_NODE_PASSWORD, or asked for)")
    .option("--as <name>", "under which the node is remembered; default: its address")
    .description("Signs in and remembers the node")
    .addHelpText("after", "\nExample: shoal auth login --api http://127.0.0.1:2528 --username ada --as home")
    .action(
      actOnNode(runtime, async ({ connection, output }, _, options) => {
        const { url } = connection;
        const username = text(options, "username") ?? runtime.env["SHOAL_NODE_USER"];
        if (username === undefined || username === "")
          throw new ShoalError("invalid_argument", "who? add --username", { field: "username" });
        const name = text(options, "as") ?? connection.name ?? new URL(url).host;
        // A sign-in of its own for each name: two that share one would use up each other's refresh token.
        const node = clientOf(runtime, { ...connection, name });
        await node.login(username, await passwordOf(runtime, options), CLIENT_NAME);
        output.result({ node: name, url }, name, () => `signed in to ${name} (${url})`);
      }),
    );
  group
    .command("logout")
    .description("Forgets the tokens here; `shoal auth revoke` ends sign-ins at the node")
    .action(
      actOnNode(runtime, async ({ connection: { name, url }, output }) => {
        if (name !== undefined) await dropTokens(runtime.env, name);
        output.result({ node: name ?? null, url }, name ?? "", () => `signed out of ${url}`);
      }),
    );
  group
    .command("status")
    .description("Whether the node takes the tokens at hand")
    .action(
      actOnNode(runtime, async ({ node, output, connection: { url, name, tokens }, signal }) => {
        await node.call("node.identity", { signal });
        const status = { url, node: name ?? null, signedIn: tokens !== undefined, accepted: true };
        const told = tokens === undefined ? `${url} lets everybody in` : `${url} takes your sign-in`;
        output.result(status, name ?? url, () => told);
      }),
    );
  addAuthKeys(group, runtime);
  addClientKey(group, runtime);
}

function addClientKey(group: Command, runtime: Runtime): void {
  group
    .command("client-key")
    .argument("[context]", "id or alias of the context that it is for")
    .option("--identity <key>", "whom it acts as there; default: the node's own identity in the context")
    .option("--permissions <permission...>", "what else it may")
    .description("Makes tokens for an application: they act as one identity in one context")
    .addHelpText("after", "\nExample: shoal auth client-key kv --permissions 'blob:get'")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const given = args[0];
        const contextId = given === undefined ? undefined : await contextOf(session, given);
        const key = {
          contextId,
          contextIdentity:
            contextId === undefined ? undefined : await actingIdentity(session, contextId, text(options, "identity")),
          permissions: texts(options, "permissions"),
        };
        if (contextId === undefined && key.permissions.length === 0)
          throw new ShoalError("invalid_argument", "name a context, or what it may with --permissions", {
            field: "context",
          });
        const tokens = await session.node.keys.createClient(key, session.signal);
        // Quiet is for scripts, and the token is what a script wants: it is nowhere else.
        session.output.result({ ...key, ...tokens }, tokens.accessToken, (now) =>
          details({ ...key, access_token: tokens.accessToken, refresh_token: tokens.refreshToken }, now),
        );
      }),
    );
  group
    .command("revoke")
    .argument("<key>", "id of a key (`shoal auth keys list`)")
    .description("Ends every sign-in of a key at the node; the key stays")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, args) => {
        const id = argument(args, 0);
        await node.keys.revokeTokens(id, signal);
        output.result({ key: id, revoked: true }, id, () => `${id} is signed out everywhere`);
      }),
    );
}
