/** How contexts are levelled with peers, as far as contexts ask for it. Implemented by `sync/`. */
import type { SyncStatus } from "../clients/context-client.ts";
import type { ContextId } from "../model/ids.ts";

export interface Syncing {
  /** Resolves when the context, or every one, is level with the peers that could be asked. */
  sync(contextId?: ContextId): Promise<void>;
  status(contextId: ContextId): Pick<SyncStatus, "syncState" | "failureCount" | "lastError">;
}

/** A node without a network: there is nobody to ask, and nothing is missing. */
export const ALONE: Syncing = {
  sync: async () => undefined,
  status: () => ({ syncState: "idle", failureCount: 0 }),
};
