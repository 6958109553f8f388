/** Two replicas of the host's collections that level each other by their trees alone. */
import { idOf, type ContextId } from "@shoal/node/model/ids.ts";
import type { Ask } from "@shoal/node/sync/protocols/contract.ts";
import { artifactsOf, type Unsaid } from "@shoal/node/sync/protocols/tree-artifact.ts";
import type { Comparison, TreeDifference, TreeState, TreeWrite } from "@shoal/node/sync/protocols/tree-contract.ts";
import { answerTree, compareTrees } from "@shoal/node/sync/protocols/tree.ts";
import type { MemoryRows } from "../crdt/memory-rows.ts";
import { CONTEXT, type Replica } from "../crdt/replica.ts";

export const contextId = idOf<ContextId>(CONTEXT);

/** The state as it is at each read. */
export const stateOf = (rows: MemoryRows, layout: TreeState["layout"] = "host"): TreeState => ({
  layout,
  contextId,
  get: (key) => rows.get(key),
});

export const peerOf =
  (rows: MemoryRows, layout: TreeState["layout"] = "host"): Ask =>
  async (request) =>
    answerTree(stateOf(rows, layout), request);

export interface Levelling {
  readonly difference: TreeDifference;
  readonly unsaid: readonly Unsaid[];
  readonly batches: number;
}

/** One session of `mine` with `theirs`: what either lacks is merged into it batch by batch. */
export async function level(mine: Replica, theirs: Replica, options: Partial<Comparison> = {}): Promise<Levelling> {
  const unsaid: Unsaid[] = [];
  let batches = 0;
  // As on a node: one moment of ours, while the peer's state moves with what it is given.
  const moment = mine.rows.copy();
  const said = (writes: readonly TreeWrite[], to: Replica): void => {
    const { artifacts, unsaid: left } = artifactsOf(writes);
    unsaid.push(...left);
    for (const artifact of artifacts) to.apply(artifact);
  };
  const difference = await compareTrees({
    ...stateOf(moment),
    ask: peerOf(theirs.rows),
    async onBatch({ need, have }) {
      batches += 1;
      said(need, mine);
      said(have, theirs);
    },
    ...options,
  });
  return { difference, unsaid, batches };
}

/** Everything that differs, without merging it. */
export async function differences(
  mine: TreeState,
  ask: Ask,
  options: Partial<Comparison> = {},
): Promise<{ readonly need: TreeWrite[]; readonly have: TreeWrite[]; readonly difference: TreeDifference }> {
  const [need, have]: [TreeWrite[], TreeWrite[]] = [[], []];
  const difference = await compareTrees({
    ...mine,
    ask,
    async onBatch(batch) {
      need.push(...batch.need);
      have.push(...batch.have);
    },
    ...options,
  });
  return { need, have, difference };
}
