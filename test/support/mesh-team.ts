/** A namespace that all nodes of a mesh belong to, with one context of the key-value app that each of them follows. */
import { builtApp } from "../unit/sdk/app/built.ts";
import { eventually } from "./clock.ts";
import type { MeshNode } from "./mesh.ts";

export interface Team {
  readonly namespaceId: string;
  readonly applicationId: string;
  readonly contextId: string;
}

/** The first node makes it all; the others come by invitation. Resolves when each of them has the context's state. */
export async function makeTeam(nodes: readonly MeshNode[], withinMs = 60_000): Promise<Team> {
  const [first, ...others] = nodes;
  if (first === undefined) throw new Error("a team has a first node");
  const { blobId } = await first.client.upload(Uint8Array.from(await builtApp("kv-store")));
  const { applicationId } = (await first.client.call("applications.installBlob", { body: { blobId } })).data;
  const { namespaceId } = (await first.client.call("namespaces.create", { body: { applicationId, name: "team" } }))
    .data;
  const contextId = await makeContext(first, { namespaceId, applicationId });
  const team = { namespaceId, applicationId, contextId };
  for (const other of others) await join(first, other, team);
  await everywhere(nodes, contextId, withinMs);
  return team;
}

export async function makeContext(
  node: MeshNode,
  { namespaceId, applicationId }: Pick<Team, "namespaceId" | "applicationId">,
): Promise<string> {
  const initializationParams = [...Buffer.from("{}")];
  const body = { applicationId, initializationParams, groupId: namespaceId };
  return (await node.client.call("contexts.create", { body })).data.contextId;
}

/** `guest` comes in by an invitation that `host` issues. */
export async function join(host: MeshNode, guest: MeshNode, { namespaceId }: Pick<Team, "namespaceId">): Promise<void> {
  const params = { namespace: namespaceId };
  const { invitation } = (await host.client.call("namespaces.invite", { params, body: {} })).data;
  if (invitation === undefined) throw new Error("no invitation was issued");
  await guest.client.call("namespaces.join", { params, body: { invitation } });
}

/** Resolves when each of the nodes has a state of the context. */
export async function everywhere(nodes: readonly MeshNode[], contextId: string, withinMs?: number): Promise<void> {
  for (const node of nodes) {
    const isHere = async (): Promise<true | undefined> =>
      (await node.client.execute({ contextId, method: "len" }).catch(() => undefined)) === undefined ? undefined : true;
    await eventually(isHere, `${node.name} has the context`, withinMs);
  }
}

export const write = (node: MeshNode, contextId: string, key: string, value: string): Promise<unknown> =>
  node.client.execute({ contextId, method: "set", argsJson: { key, value } });

export const read = (node: MeshNode, contextId: string, key: string): Promise<unknown> =>
  node.client.execute({ contextId, method: "get", argsJson: { key } });

/** The root that each node has; undefined for one that does not answer. */
export async function rootsOf(nodes: readonly MeshNode[], contextId: string): Promise<readonly (string | undefined)[]> {
  return Promise.all(
    nodes.map(async ({ client }) => {
      try {
        return (await client.call("contexts.get", { params: { id: contextId } })).data.rootHash;
      } catch {
        return undefined;
      }
    }),
  );
}

/** Resolves with the one root that all nodes have. */
export function levelled(nodes: readonly MeshNode[], contextId: string, withinMs?: number): Promise<string> {
  const equal = async (): Promise<string | undefined> => {
    const [first, ...others] = await rootsOf(nodes, contextId);
    return others.every((root) => root === first) ? first : undefined;
  };
  return eventually(equal, `${nodes.length} nodes have one root`, withinMs);
}
