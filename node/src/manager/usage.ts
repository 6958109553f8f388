/** What the node holds and uses, counted when somebody asks. */
import type { Applications, Blobs, NodeUsage } from "../clients/node-client.ts";
import type { ContextClient } from "../clients/context-client.ts";

export interface UsageParts {
  readonly contexts: Pick<ContextClient, "listContexts" | "storageBytes">;
  readonly applications: Pick<Applications, "list">;
  readonly blobs: Pick<Blobs, "list">;
  readonly memoryBytes: () => number;
  readonly uptimeSeconds: () => number;
}

export async function measureUsage(parts: UsageParts): Promise<NodeUsage> {
  const [contexts, applications, blobs] = await Promise.all([
    parts.contexts.listContexts(),
    parts.applications.list(),
    parts.blobs.list(),
  ]);
  let stateBytes = 0;
  for (const { id } of contexts) stateBytes += await parts.contexts.storageBytes(id);
  return {
    contexts: contexts.length,
    applications: applications.length,
    blobs: blobs.length,
    blobBytes: blobs.reduce((sum, { size }) => sum + size, 0),
    stateBytes,
    memoryBytes: parts.memoryBytes(),
    uptimeSeconds: parts.uptimeSeconds(),
  };
}
