/**
 * Compares the state of two replicas by their trees, so that both can be given what they lack. Which entities stand in a tree is
 * the tree's to say, and what was deleted stands in none: for every entity that only one side's tree has, the other is asked
 * what it knows of it, and a deletion is told like any write. What became of it is not said here: the roots are compared again.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { bytesOf } from "../../model/ids.ts";
import type { Comparison, TreeBounds, TreeDifference } from "./tree-contract.ts";
import { edgeFrom } from "./tree-edge.ts";
import { guestTasks } from "./tree-guest.ts";
import { hostTasks } from "./tree-host.ts";
import { Walk, type Task } from "./tree-tasks.ts";
import { Tellings } from "./tree-tellings.ts";

export { answerTree } from "./tree-answer.ts";

const BOUNDS: TreeBounds = {
  requests: 20_000,
  bytes: 4 * 1024 * 1024 * 1024,
  batchEntities: 4096,
  batchBytes: 1024 * 1024,
};

/**
 * Tells in batches what either side lacks, and resolves at the end. Rejects `invalid_argument` for what no honest peer answers,
 * `resource_exhausted` beyond the bounds, `conflict` where the two states are kept in different layouts or the peer's moves
 * faster than it is read, and as `ask`, `onBatch` and the signal do; batches told until then stand, and the last one's cursor
 * is where to go on.
 */
export async function compareTrees(comparison: Comparison): Promise<TreeDifference> {
  const bounds = { ...BOUNDS, ...comparison.bounds };
  const tellings = new Tellings(comparison, bounds);
  const walk = new Walk(comparison, tellings, bounds);
  const theirs = await walk.look();
  const layout = comparison.layout === "empty" ? theirs : comparison.layout;
  if (theirs !== "empty" && theirs !== layout) {
    throw new ShoalError("conflict", `a state of layout ${layout} is not compared with one of layout ${theirs}`);
  }
  const { get, contextId, strategy } = comparison;
  const state = { get, context: bytesOf(contextId), tellings, strategy };
  const begin = (): readonly Task[] => {
    const edge = edgeFrom(tellings.cursor);
    return layout === "guest" ? guestTasks(state, edge) : hostTasks(state, edge);
  };
  return walk.run(layout, begin);
}
