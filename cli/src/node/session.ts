/** What a command that talks to a node gets: a client that stays signed in, and names where ids are asked for. */
import type { Command } from "commander";
import { createNodeClient, type NodeHttpClient } from "@shoal/client/node/client.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { NODE_ENDPOINTS, type NodeEndpointId } from "@shoal/shared/wire/node/index.ts";
import type { Output } from "../output.ts";
import { outputOf, text, type Options, type Runtime } from "../session.ts";
import { findNode, storedTokens, type NodeConnection } from "../settings/nodes.ts";

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
    runtime.node = connection;
    const output = outputOf(runtime, options);
    const node = clientOf(runtime, connection);
    await body({ runtime, connection, node, output, signal: runtime.signal }, command.args, options);
  };
}

/** A command that calls one endpoint and is helped by that endpoint's summary; `usage` has its name and arguments. */
export function endpointCommand(
  group: Command,
  runtime: Runtime,
  usage: string,
  id: NodeEndpointId,
  body: NodeAct,
): Command {
  const summary = NODE_ENDPOINTS.find((endpoint) => endpoint.id === id)?.summary ?? "";
  return group.command(usage).description(summary).action(actOnNode(runtime, body));
}

export function connectionOf(runtime: Runtime, options: Options): Promise<NodeConnection> {
  const [api, node] = [text(options, "api"), text(options, "node")];
  return findNode({ ...(api === undefined ? {} : { api }), ...(node === undefined ? {} : { node }) }, runtime);
}

export function clientOf(runtime: Runtime, { url, name, tokens }: NodeConnection): NodeHttpClient {
  return createNodeClient({
    baseUrl: url,
    ...(tokens === undefined ? {} : { tokens }),
    ...(name === undefined ? {} : { store: storedTokens(runtime.env, name, url) }),
  });
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

/** An identity by its key, or by the name that it has within the context. */
export async function identityOf({ node, signal }: NodeSession, context: string, given: string): Promise<string> {
  if (isId(given)) return given;
  const { data } = await node.call("aliases.lookupIdentity", { params: { context, name: given }, body: {}, signal });
  return named(data.value, "identity", given);
}

/** Whoever acts in a context: the identity that was given, or else the node's own there. */
export async function actingIdentity(session: NodeSession, id: string, given: string | undefined): Promise<string> {
  if (given !== undefined) return identityOf(session, id, given);
  const { data } = await session.node.call("contexts.identitiesOwned", { params: { id }, signal: session.signal });
  const [own] = data.identities;
  if (own !== undefined) return own;
  throw new ShoalError("not_found", "the node has no identity in this context: name one", { field: "identity" });
}

function named(value: string | undefined, kind: string, given: string): string {
  if (value !== undefined) return value;
  throw new ShoalError("not_found", `${given} is neither an id nor an alias of a ${kind}`, { field: kind });
}
