/** The first state of an empty replica: taken in pages, verified as a whole, switched to at once, and never onto a state (I16). */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { nanosecondsOf } from "../../dag/hlc.ts";
import type { ContextId } from "../../model/ids.ts";
import { known } from "../handlers/queries.ts";
import type { ContextParts } from "../parts.ts";
import type { SnapshotBoundary, SnapshotInstall } from "../replica.ts";
import { isLate } from "./late-row.ts";
import { discardStaged, moveStaged } from "./move.ts";
import { isSameMoment, lastStaged, markerRow, readMarker, stagedId, stagedState } from "./staging.ts";
import { verifiedHeads, verifyStaged } from "./verify.ts";

/** `onDone`: the context has its state; what waited for it can be applied. */
export async function beginInstall(
  parts: ContextParts,
  id: ContextId,
  boundary: SnapshotBoundary,
  onDone: () => void,
): Promise<SnapshotInstall> {
  requireEmpty(parts, id);
  const heads = verifiedHeads(parts, id, boundary);
  const untilNs = heads.map(({ hlc }) => nanosecondsOf(hlc)).reduce((a, b) => (a > b ? a : b), 0n);
  const before = readMarker(parts.store, id);
  if (before?.isMoving === true) {
    // A verified state that the disk was too full for: it goes first, since some of it is where it belongs already.
    await parts.turns.run(id, "alone", () => moveStaged(parts, id));
    onDone();
    requireEmpty(parts, id);
  }
  const goesOn = before !== undefined && isSameMoment(before.boundary, boundary);
  if (!goesOn) {
    await discardStaged(parts, id);
    await parts.store.apply([markerRow(id, { boundary, isMoving: false })]);
  }
  let last = goesOn ? await lastStaged(parts.store, id) : undefined;
  let ids = 0;
  return {
    resumeAfter: last,
    async add(rows) {
      for (const row of rows) {
        // Also what keeps a peer from sending for ever.
        if (last !== undefined && Buffer.compare(row.key, last) <= 0)
          throw wrong("rows come in the order of their keys");
        if (isLate(row, untilNs)) throw wrong("a row is dated after the heads");
        last = row.key;
      }
      await parts.store.apply(rows.map((row) => stagedState(id, row)));
    },
    async addIds(items) {
      ids += items.length;
      if (ids > boundary.deltas) throw wrong(`more than ${boundary.deltas} ids`);
      await parts.store.apply(items.map((item) => stagedId(id, item)));
    },
    async finish() {
      await parts.turns.run(id, "alone", async () => {
        requireEmpty(parts, id);
        await verified(parts, id, boundary, ids);
        await parts.store.apply([markerRow(id, { boundary, isMoving: true })]);
        await parts.store.durable();
        await moveStaged(parts, id);
      });
      parts.events.publish({
        contextId: id,
        event: { type: "StateMutation", newRoot: boundary.root, events: [] },
      });
      onDone();
    },
    discard: () => discardStaged(parts, id),
  };
}

/** What does not hold is thrown away: nobody goes on from it. */
async function verified(parts: ContextParts, id: ContextId, boundary: SnapshotBoundary, ids: number): Promise<void> {
  try {
    const heads = verifiedHeads(parts, id, boundary);
    if (ids !== boundary.deltas) throw wrong(`${boundary.deltas} ids expected, not ${ids}`);
    await verifyStaged(parts, id, boundary, heads);
  } catch (thrown) {
    if (thrown instanceof ShoalError && thrown.code === "invalid_argument") await discardStaged(parts, id);
    throw thrown;
  }
}

function requireEmpty(parts: ContextParts, id: ContextId): void {
  if (known(parts, id).isInitialized)
    throw new ShoalError("conflict", "the context has a state, which nothing overwrites");
}

const wrong = (message: string): ShoalError => new ShoalError("invalid_argument", message, { field: "snapshot" });
