/** A context of others comes to this node: it is here, and waits for its first state. */
import type { Context } from "../../model/context.ts";
import type { ContextId } from "../../model/ids.ts";
import type { Row } from "../../storage/store.ts";
import { identityRow, listIdentities, secretOf } from "../identities.ts";
import type { JoinContextInput } from "../messages.ts";
import type { ContextParts } from "../parts.ts";
import { EMPTY_ROOT } from "../registry.ts";
import { collectOrphan } from "./collect.ts";

/** Rows of an earlier stay that are removed at once. */
const PURGE = 4096;

/** False where it is here already. The application need not be. */
export async function joinContext(parts: ContextParts, input: JoinContextInput): Promise<boolean> {
  const { contextId: id, applicationId, version, service, groupId } = input;
  if (parts.registry.get(id) !== undefined) return false;
  // The key that an invitation was accepted with is here before the context is.
  const kept = await ownIdentities(parts, id);
  // What is left of an earlier stay would count as a state, and as deltas that are known.
  for (let more = true; more;) {
    more = (await collectOrphan(parts, { id, limit: PURGE, dryRun: false })).next !== undefined;
  }
  return parts.turns.run(id, "alone", async () => {
    const { registry, store, account } = parts;
    if (registry.get(id) !== undefined) return false;
    const context: Context = {
      id,
      applicationId,
      version,
      service,
      rootHash: EMPTY_ROOT,
      dagHeads: [],
      groupId,
      isInitialized: false,
      createdAtMs: parts.clock.now(),
      deltas: 0,
    };
    await store.apply([registry.row(context), ...kept, identityRow(id, account.publicKey, account.secret)]);
    registry.set(context);
    parts.inboxes.drop(id);
    parts.idSets.drop(id);
    try {
      await store.durable();
    } finally {
      // It is there, whatever became of the sync.
      parts.log.info({ context: id }, "context joined");
      parts.watchers.tell("context", { contextId: id, type: "joined" });
    }
    return true;
  });
}

async function ownIdentities({ store }: ContextParts, id: ContextId): Promise<readonly Row[]> {
  return (await listIdentities(store, id)).flatMap(({ publicKey }) => {
    const secret = secretOf(store, id, publicKey);
    return secret === undefined ? [] : [identityRow(id, publicKey, secret)];
  });
}
