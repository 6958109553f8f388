/**
 * Nodes that somebody works with: name, address, tokens, in one private file; and which one is meant by a command. Tokens go
 * only to the address that they came from. Commands run side by side: the file is changed under a lock, and tokens are
 * exchanged under it too, since the second exchange of a refresh token ends every sign-in of its key.
 */
import { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { NodeTokens, TokenStore } from "@shoal/client/node/client.ts";
import { isSameAddress, type Surroundings } from "./connection.ts";
import { withLock } from "./lock.ts";
import { configPath, readPrivate, writePrivate } from "./private-file.ts";

const nodeSchema = z.strictObject({
  url: z.string(),
  tokens: z.strictObject({ accessToken: z.string(), refreshToken: z.string() }).optional(),
  /** The refresh token was sent, and no answer was kept: nobody may send it again. */
  isSpent: z.literal(true).optional(),
});
const fileSchema = z.strictObject({ current: z.string().optional(), nodes: z.record(z.string(), nodeSchema) });
export type KnownNodes = z.output<typeof fileSchema>;

export interface NodeFlags {
  readonly api?: string;
  readonly node?: string;
}

export interface NodeConnection {
  readonly url: string;
  /** Under which its tokens are kept; undefined where it was named by its address alone. */
  readonly name: string | undefined;
  readonly tokens: NodeTokens | undefined;
  /** Where the address was found, for people. */
  readonly source: string;
}

/** Where `shoal node run` listens unless it is told otherwise. */
export const DEFAULT_NODE_URL = "http://127.0.0.1:2528";

export const nodesPath = (env: NodeJS.ProcessEnv): string => configPath(env, "nodes.json");

export async function readNodes(env: NodeJS.ProcessEnv): Promise<KnownNodes> {
  return (await readPrivate(fileSchema, nodesPath(env))) ?? { nodes: {} };
}

/** Changes the file while no other process does; nothing changes where `change` throws. */
export function changeNodes(env: NodeJS.ProcessEnv, change: (known: KnownNodes) => KnownNodes): Promise<void> {
  return alone(env, async (known, write) => write(change(known)));
}

/** Tokens of the node of that name, as long as it has that address. */
export function storedTokens(env: NodeJS.ProcessEnv, name: string, url: string): TokenStore {
  return {
    update: (change) =>
      alone(env, async (known, write) => {
        const node = nodeOf(known, name);
        const isOurs = node !== undefined && isSameAddress(node.url, url);
        const kept = isOurs && node.isSpent !== true ? node.tokens : undefined;
        // Commands that begin meanwhile find the old tokens, are refused, and wait for their turn here.
        const keep = (tokens: NodeTokens | undefined): Promise<void> => {
          const next = tokens === undefined ? { url, tokens: kept, isSpent: true as const } : { url, tokens };
          return write({ current: known.current ?? name, nodes: { ...known.nodes, [name]: next } });
        };
        const fresh = await change(kept, keep);
        await keep(fresh);
        return fresh;
      }),
  };
}

/** The file, for as long as `work` takes. */
function alone<T>(
  env: NodeJS.ProcessEnv,
  work: (known: KnownNodes, write: (next: KnownNodes) => Promise<void>) => Promise<T>,
): Promise<T> {
  return withLock(configPath(env, "nodes.lock"), async () =>
    work(await readNodes(env), (next) => writePrivate(nodesPath(env), next)),
  );
}

/** Forgets the tokens of a node; the node stays known. */
export function dropTokens(env: NodeJS.ProcessEnv, name: string): Promise<void> {
  return changeNodes(env, (known) => {
    const node = nodeOf(known, name);
    return node === undefined ? known : { ...known, nodes: { ...known.nodes, [name]: { url: node.url } } };
  });
}

/** First match wins: `--api`, `--node`, `SHOAL_NODE_URL`, the node in use, the default address. */
export async function findNode(flags: NodeFlags, { env }: Pick<Surroundings, "env">): Promise<NodeConnection> {
  const known = await readNodes(env);
  if (flags.api !== undefined && flags.node !== undefined)
    throw new ShoalError("invalid_argument", "either --api or --node says which node", { field: "node" });
  if (flags.api !== undefined) return byAddress(known, flags.api, "--api");
  const url = env["SHOAL_NODE_URL"];
  if (flags.node === undefined && url !== undefined && url !== "") return byAddress(known, url, "SHOAL_NODE_URL");
  const name = flags.node ?? known.current;
  if (name === undefined) return byAddress(known, DEFAULT_NODE_URL, "the default address");
  const node = nodeOf(known, name);
  if (node === undefined) {
    throw new ShoalError("invalid_argument", `there is no node ${name}: \`shoal node list\` shows those known`, {
      field: "node",
    });
  }
  return { url: node.url, name, tokens: node.tokens, source: `node ${name}` };
}

/** The node in use comes first, where several names have the address. */
function byAddress(known: KnownNodes, url: string, source: string): NodeConnection {
  const names = Object.keys(known.nodes).filter((name) => isSameAddress(nodeOf(known, name)?.url ?? "", url));
  const name = names.find((one) => one === known.current) ?? names[0];
  return { url, name, tokens: name === undefined ? undefined : nodeOf(known, name)?.tokens, source };
}

export function nodeOf(known: KnownNodes, name: string): KnownNodes["nodes"][string] | undefined {
  return Object.hasOwn(known.nodes, name) ? known.nodes[name] : undefined;
}
