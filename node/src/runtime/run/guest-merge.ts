/** Modules that keep their own tree merge each delta by themselves, metered like any run; one that fails leaves nothing. */
import { latestStamp } from "../../crdt/latest-stamp.ts";
import type { Reader, Row } from "../../storage/store.ts";
import type { MergeDelta, MergeRequest, Outcome, RunRequest } from "../contract.ts";
import { SYNC_EXPORT } from "./instance.ts";
import type { Layered } from "./layered.ts";
import type { Merging } from "./merge.ts";

export function guestMerge(
  request: MergeRequest,
  view: Layered,
  run: (request: RunRequest, view: Reader) => Outcome,
): Merging {
  const changed = new Map<string, Row>();
  let { nowNs } = request;
  return {
    merge(delta) {
      const early = refusalOf(delta);
      if (early !== undefined) return { refused: early, forged: true };
      // A guest's clock goes on from one delta to the next.
      nowNs += 1000n;
      const outcome = run({ ...request, nowNs, method: SYNC_EXPORT, input: delta.artifact, mode: "write" }, view);
      if ("failure" in outcome.returns) {
        const { kind, message } = outcome.returns.failure;
        return { refused: `the application refuses it: ${kind}: ${message}`, forged: false };
      }
      view.add(outcome.rows);
      for (const row of outcome.rows) changed.set(row.column + Buffer.from(row.key).toString("latin1"), row);
      return { root: outcome.rootHash };
    },
    rows: () => [...changed.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row),
  };
}

/** What the guest does not judge: writes from the future, which would win against every later one. */
function refusalOf({ artifact, untilNs }: MergeDelta): string | undefined {
  if (untilNs === undefined) return undefined;
  try {
    return latestStamp(artifact) > untilNs ? "the write is dated too far ahead" : undefined;
  } catch {
    return "the artifact is no storage delta";
  }
}
