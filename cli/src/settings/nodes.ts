/**
 * Nodes that somebody works with: name, address, tokens, in one private file; and which one is meant by a command. Tokens go
 * only to the address that they came from.
 */
import { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { NodeTokens } from "@shoal/client/node/client.ts";
import { configPath, readPrivate, writePrivate } from "./private-file.ts";
import type { Surroundings } from "./connection.ts";

const nodeSchema = z.strictObject({
  url: z.string(),
  tokens: z.strictObject({ accessToken: z.string(), refreshToken: z.string() }).optional(),
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
}

/** Where `shoal node run` listens unless it is told otherwise. */
export const DEFAULT_NODE_URL = "http://127.0.0.1:2528";

export const nodesPath = (env: NodeJS.ProcessEnv): string => configPath(env, "nodes.json");

export async function readNodes(env: NodeJS.ProcessEnv): Promise<KnownNodes> {
  return (await readPrivate(fileSchema, nodesPath(env))) ?? { nodes: {} };
}

export async function changeNodes(env: NodeJS.ProcessEnv, change: (known: KnownNodes) => KnownNodes): Promise<void> {
  await writePrivate(nodesPath(env), change(await readNodes(env)));
}

/** First match wins: `--api`, `--node`, `SHOAL_NODE_URL`, the node in use, the default address. */
export async function findNode(flags: NodeFlags, { env }: Surroundings): Promise<NodeConnection> {
  const known = await readNodes(env);
  const url = flags.api ?? (flags.node === undefined ? env["SHOAL_NODE_URL"] : undefined);
  if (url !== undefined && url !== "") {
    const [name, node] = Object.entries(known.nodes).find(([, one]) => isSame(one.url, url)) ?? [];
    return { url, name, tokens: node?.tokens };
  }
  const name = flags.node ?? known.current;
  if (name === undefined) return findNode({ api: DEFAULT_NODE_URL }, { env, cwd: "" });
  const node = Object.hasOwn(known.nodes, name) ? known.nodes[name] : undefined;
  if (node === undefined) {
    throw new ShoalError("invalid_argument", `there is no node ${name}: \`shoal node list\` shows those known`, {
      field: "node",
    });
  }
  return { url: node.url, name, tokens: node.tokens };
}

function isSame(a: string, b: string): boolean {
  const plain = (url: string): string => (URL.canParse(url) ? new URL(url).href : url).replace(/\/+$/, "");
  return plain(a) === plain(b);
}
