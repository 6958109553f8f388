/** What a command that talks to a node gets: a client that stays signed in, and names where ids are asked for. */
import type { Command } from "commander";
import { createNodeClient, type NodeHttpClient, type NodeTokens } from "@shoal/client/node/client.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Output } from "../output.ts";
import { outputOf, text, type Options, type Runtime } from "../session.ts";
import { changeNodes, findNode, type NodeConnection } from "../settings/nodes.ts";

export interface NodeSession {
  readonly runtime: Runtime;
  readonly connection: NodeConnection;
  readonly node: NodeHttpClient;
  readonly output: Output;
  readonly signal: AbortSignal;
}

export type NodeAct = (session: NodeSession, args: readonly string[], options: Options) => Promise<void>;

/** Adds the flags that say which node is meant. */
export function nodeFlags(command: Command): Command {
  return command
    .option("--api <url>", "the node's address (SHOAL_NODE_URL)")
    .option("--node <name>", "a node that was added or signed in to before");
}

/** Makes a command's action of a function that needs a node. */
export function actOnNode(runtime: Runtime, body: NodeAct): (...all: unknown[]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command;
    const options = command.optsWithGlobals<Options>();
    const connection = await connectionOf(runtime, options);
    const output = outputOf(runtime, options);
    const node = clientOf(runtime, connection);
    await body({ runtime, connection, node, output, signal: runtime.signal }, command.args, options);
  };
}

export function connectionOf(runtime: Runtime, options: Options): Promise<NodeConnection> {
  const [api, node] = [text(options, "api"), text(options, "node")];
  return findNode({ ...(api === undefined ? {} : { api }), ...(node === undefined ? {} : { node }) }, runtime);
}

function clientOf(runtime: Runtime, { url, name, tokens }: NodeConnection): NodeHttpClient {
  return createNodeClient({
    baseUrl: url,
    ...(tokens === undefined ? {} : { tokens }),
    ...(name === undefined ? {} : { onTokens: (fresh) => keepTokens(runtime, name, url, fresh) }),
  });
}

export function keepTokens(runtime: Runtime, name: string, url: string, tokens: NodeTokens): Promise<void> {
  return changeNodes(runtime.env, (known) => ({
    ...known,
    current: known.current ?? name,
    nodes: { ...known.nodes, [name]: { url, tokens } },
  }));
}

/** 32 bytes in base58 are 32 to 44 characters; whatever else is given is taken for an alias. */
const isId = (given: string): boolean => /^[1-9A-HJ-NP-Za-km-z]{32,44}$/.test(given);

export async function contextOf({ node, signal }: NodeSession, given: string): Promise<string> {
  if (isId(given)) return given;
  const { data } = await node.call("aliases.lookupContext", { params: { name: given }, body: {}, signal });
  return named(data.value, "context", given);
}

export async function applicationOf({ node, signal }: NodeSession, given: string): Promise<string> {
  if (isId(given)) return given;
  const { data } = await node.call("aliases.lookupApplication", { params: { name: given }, body: {}, signal });
  return named(data.value, "application", given);
}

function named(value: string | undefined, kind: string, given: string): string {
  if (value !== undefined) return value;
  throw new ShoalError("not_found", `${given} is neither an id nor an alias of a ${kind}`, { field: kind });
}
