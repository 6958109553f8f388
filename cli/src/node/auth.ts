/** `shoal auth`: signing in to a node, and its keys. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text as readAll } from "node:stream/consumers";
import type { Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { text, type Options, type Runtime } from "../session.ts";
import { changeNodes, type KnownNodes } from "../settings/nodes.ts";
import { actOnNode, keepTokens, nodeFlags } from "./session.ts";

const CLIENT_NAME = "shoal";

export function addAuth(parent: Command, runtime: Runtime): void {
  const group = nodeFlags(parent.command("auth").description("who you are to a node"));
  group
    .command("login")
    .option("--username <name>", "(SHOAL_NODE_USER)")
    .option("--password-stdin", "read the password from standard input (else: SHOAL_NODE_PASSWORD, or asked for)")
    .option("--as <name>", "under which the node is remembered; default: its address")
    .description("Signs in and remembers the node")
    .action(
      actOnNode(runtime, async (session, _, options) => {
        const { connection, node, output } = session;
        const username = text(options, "username") ?? runtime.env["SHOAL_NODE_USER"];
        if (username === undefined)
          throw new ShoalError("invalid_argument", "who? add --username", { field: "username" });
        const tokens = await node.login(username, await passwordOf(runtime, options), CLIENT_NAME);
        const name = text(options, "as") ?? connection.name ?? new URL(connection.url).host;
        await keepTokens(runtime, name, connection.url, tokens);
        output.result({ node: name, url: connection.url }, name, () => `signed in to ${name} (${connection.url})`);
      }),
    );
  group
    .command("logout")
    .description("Forgets the node's tokens")
    .action(
      actOnNode(runtime, async ({ connection, output }) => {
        const { name } = connection;
        if (name !== undefined) {
          await changeNodes(runtime.env, (known) => without(known, name));
        }
        output.result({ node: name ?? null }, name ?? "", () => `signed out of ${connection.url}`);
      }),
    );
  group
    .command("status")
    .description("Whether the node takes the tokens at hand")
    .action(
      actOnNode(runtime, async ({ node, output, connection, signal }) => {
        await node.call("contexts.list", { signal });
        output.result({ url: connection.url, authenticated: true }, "yes", () => `${connection.url} knows you`);
      }),
    );
}

function without(known: KnownNodes, name: string): KnownNodes {
  const nodes = Object.fromEntries(Object.entries(known.nodes).filter(([other]) => other !== name));
  return known.current === undefined || known.current === name ? { nodes } : { current: known.current, nodes };
}

async function passwordOf(runtime: Runtime, options: Options): Promise<string> {
  if (options["passwordStdin"] === true) return (await readAll(process.stdin)).replace(/\r?\n$/, "");
  const given = runtime.env["SHOAL_NODE_PASSWORD"];
  if (given !== undefined && given !== "") return given;
  if (!process.stdin.isTTY) {
    throw new ShoalError("invalid_argument", "no terminal to ask for the password: add --password-stdin", {
      field: "password",
    });
  }
  runtime.streams.stderr("password: ");
  // What is typed is read through a terminal whose echo goes nowhere.
  const nowhere = new Writable({ write: (_, __, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await terminal.question("", { signal: runtime.signal });
  } finally {
    terminal.close();
    runtime.streams.stderr("\n");
  }
}
