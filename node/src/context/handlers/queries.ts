/** Messages that only look: contexts, identities, sizes, how level a context is with its peers. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { SyncStatus } from "../../clients/context-client.ts";
import type { Context, ContextIdentity } from "../../model/context.ts";
import { bytesOf, type ContextId } from "../../model/ids.ts";
import { prefixRange } from "../../storage/keys.ts";
import { listIdentities } from "../identities.ts";
import type { ContextParts } from "../parts.ts";

export const getContext = async ({ registry }: ContextParts, id: ContextId): Promise<Context | undefined> =>
  registry.get(id);

export const listContexts = async ({ registry }: ContextParts): Promise<readonly Context[]> => registry.list();

/** The node's account first: whoever takes the first that is owned takes the one that acts where nobody is named. */
export async function identitiesOf(parts: ContextParts, id: ContextId): Promise<readonly ContextIdentity[]> {
  known(parts, id);
  const isOurs = ({ publicKey }: ContextIdentity): number => (publicKey === parts.account.publicKey ? 0 : 1);
  return [...(await listIdentities(parts.store, id))].sort((a, b) => isOurs(a) - isOurs(b));
}

/** Bytes of the keys and values of the context's shared state. */
export async function measureStorage(parts: ContextParts, id: ContextId): Promise<number> {
  known(parts, id);
  let bytes = 0;
  for await (const [key, value] of parts.store.scan("state", prefixRange(bytesOf(id)))) {
    bytes += key.length + value.length;
  }
  return bytes;
}

export async function syncStatus(parts: ContextParts, contextId: ContextId): Promise<SyncStatus> {
  const context = known(parts, contextId);
  return { contextId, isInitialized: context.isInitialized, ...parts.syncing.status(contextId) };
}

/** The context, or `not_found`. */
export function known(parts: ContextParts, id: ContextId): Context {
  const context = parts.registry.get(id);
  if (context === undefined) throw new ShoalError("not_found", `no context ${id} on this node`, { field: "contextId" });
  return context;
}
