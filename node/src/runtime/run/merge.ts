/** Deltas of others one after another, each whole or not at all, for as long as there is time. */
import { performance } from "node:perf_hooks";
import type { MergeDelta, MergeOutcome, MergeRequest } from "../contract.ts";
import type { Row } from "../../storage/store.ts";

/** Merging goes on with the next delta only within this, so that calls of the context have their turns in between. */
export const MERGE_BUDGET_MS = 500;

type Refusal = Extract<MergeOutcome["results"][number], { readonly refused: string }>;
export type MergeResult = { readonly root: Uint8Array | undefined } | Refusal;

/** How one kind of module merges. */
export interface Merging {
  /** The root after it, undefined where it changed nothing; or why it is refused, having left nothing. */
  merge(delta: MergeDelta): MergeResult;
  /** What all of them together changed. */
  rows(): readonly Row[];
}

export function mergeAll({ root: before, deltas }: MergeRequest, merging: Merging): MergeOutcome {
  const results: MergeOutcome["results"][number][] = [];
  const end = performance.now() + MERGE_BUDGET_MS;
  let root = before;
  for (const delta of deltas) {
    if (results.length > 0 && performance.now() > end) break;
    if (delta.upon.some((place) => "refused" in (results[place] ?? {}))) {
      results.push({ refused: "it builds upon a delta that is refused", forged: false });
      continue;
    }
    const merged = merging.merge(delta);
    if ("root" in merged) root = merged.root ?? root;
    results.push("refused" in merged ? merged : { root });
  }
  return { results, rows: merging.rows() };
}
