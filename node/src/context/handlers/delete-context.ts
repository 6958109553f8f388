/** A context leaves this node: its rows at once, its data in the collector's own time. */
import type { ContextId } from "../../model/ids.ts";
import { identityRemoval, listIdentities } from "../identities.ts";
import type { ContextParts } from "../parts.ts";

/** True when it was here. State, deltas and private data that nothing names any more are swept by the collector. */
export async function deleteContext(parts: ContextParts, id: ContextId): Promise<boolean> {
  const { registry, store } = parts;
  if (registry.get(id) === undefined) return false;
  return parts.turns.run(id, "alone", async () => {
    await parts.ahead.settled(id);
    if (registry.get(id) === undefined) return false;
    const identities = await listIdentities(store, id);
    const own = [registry.removal(id), ...identities.map(({ publicKey }) => identityRemoval(id, publicKey))];
    await parts.membership.release(id, (rows) => store.apply([...own, ...rows]));
    registry.forget(id);
    parts.inboxes.drop(id);
    parts.idSets.drop(id);
    try {
      await store.durable();
    } finally {
      parts.log.info({ context: id }, "context deleted");
      parts.watchers.tell("context", { contextId: id, type: "deleted" });
    }
    return true;
  });
}
