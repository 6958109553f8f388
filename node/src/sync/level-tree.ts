/**
 * The same deltas and yet another state: both sides' trees are compared, and each side is given what it lacks. Entities that no
 * rows can tell (see `protocols/tree-artifact.ts`) are counted and named, never passed over in silence.
 */
import type { ContextId } from "../model/ids.ts";
import type { SyncParts } from "./parts.ts";
import { artifactsOf, type Unsaid } from "./protocols/tree-artifact.ts";
import type { TreeWrite } from "./protocols/tree-contract.ts";
import { compareTrees } from "./protocols/tree.ts";
import type { ContextState } from "./exchanges.ts";
import type { Session } from "./session.ts";

/** True where anything changed here. The two sides' roots are the caller's to compare again. */
export async function compareStates(
  { contexts, log }: SyncParts,
  session: Session,
  contextId: ContextId,
  layout: ContextState["layout"],
): Promise<boolean> {
  using state = await contexts.stateOf(contextId);
  let changed = false;
  const unsaid: Unsaid[] = [];
  const each = async (
    writes: readonly TreeWrite[],
    merge: (artifact: Uint8Array) => Promise<unknown>,
  ): Promise<void> => {
    const said = artifactsOf(writes);
    unsaid.push(...said.unsaid);
    for (const artifact of said.artifacts) await merge(artifact);
  };
  const { entities, requests, bytes } = await compareTrees({
    layout,
    contextId,
    get: (key) => state.get(key),
    ask: (body) => session.ask("tree", { contextId, body }),
    async onBatch({ need, have }) {
      changed ||= need.length > 0;
      await each(need, (artifact) => contexts.mergeEntities(contextId, artifact));
      await each(have, (artifact) => session.ask("pushEntities", { contextId, artifact }));
    },
  });
  log.info({ context: contextId, peer: session.peer, entities, requests, bytes }, "states were compared");
  const [first] = unsaid;
  if (first !== undefined) {
    const why = { context: contextId, count: unsaid.length, because: first.because };
    log.warn(why, "entities that differ cannot be told without their deltas");
  }
  return changed;
}
