/**
 * Contexts that the log says this node follows come here by themselves: the row, then the application, then the state. What a
 * person joins by name goes the same way.
 */
import type { Log } from "@shoal/shared/base/log.ts";
import type { ContextReplicas } from "../context/replica.ts";
import type { GovernanceReplica } from "../governance/replication.ts";
import type { ContextId } from "../model/ids.ts";

export interface FollowParts {
  readonly governance: Pick<GovernanceReplica, "toFollow" | "onFollow">;
  readonly contexts: Pick<ContextReplicas, "list">;
  /** Makes the context's row here; repeated for one that is here it does nothing. */
  readonly join: (contextId: ContextId) => Promise<unknown>;
  readonly log: Log;
}

/** Follows now and after each change; returns how to stop. */
export function startFollowing({ governance, contexts, join, log }: FollowParts): () => void {
  let again = false;
  let running = false;
  const follow = async (): Promise<void> => {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      const here = new Set(contexts.list());
      for (const contextId of governance.toFollow()) {
        if (here.has(contextId)) continue;
        await join(contextId).catch((err: unknown) => log.warn({ context: contextId, err }, "context not followed"));
      }
    }
    running = false;
  };
  void follow();
  return governance.onFollow(() => void follow());
}
