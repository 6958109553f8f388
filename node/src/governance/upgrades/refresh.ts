/** A record against the truth: which contexts are here, and what they run by now, whoever moved them. */
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { readContext } from "../../context/registry.ts";
import type { Context } from "../../model/context.ts";
import type { ContextId } from "../../model/ids.ts";
import type { Reader } from "../../storage/store.ts";
import type { Ledger } from "../ledger.ts";
import type { Group } from "../rules/state.ts";
import { settled, type ContextMove, type UpgradeRecord } from "./record.ts";

/** The very record where nothing is new. A complete one is open again where a context is not at the group's target after all. */
export function refreshed(record: UpgradeRecord, group: Group, store: Reader, nowMs: number): UpgradeRecord {
  const moves = [...group.contexts.keys()].sort().flatMap((contextId) => {
    const context = hereOf(store, contextId);
    return context === undefined ? [] : [moveOf(record, context)];
  });
  const { completedAtMs, ...rest } = record;
  const isTarget = group.targetApplicationId === record.to && group.targetVersion === record.toVersion;
  const isDone = moves.every(({ state }) => state === "done") || !isTarget;
  const next = { ...rest, ...(isDone && completedAtMs !== undefined ? { completedAtMs } : {}), moves };
  const done = record.abortedAtMs === undefined ? settled(next, nowMs) : next;
  return JSON.stringify(done.moves) === JSON.stringify(record.moves) && done.completedAtMs === completedAtMs
    ? record
    : done;
}

/** As far as the record's group is known here. */
export function refreshedBy(
  { ledger, store, clock }: { readonly ledger: Pick<Ledger, "find">; readonly store: Reader; readonly clock: Clock },
  record: UpgradeRecord,
): UpgradeRecord {
  const group = ledger.find(record.groupId)?.group;
  return group === undefined ? record : refreshed(record, group, store, clock.now());
}

/** One that waits for its first state is nobody's to move: it comes as it is. */
function hereOf(store: Reader, contextId: ContextId): Context | undefined {
  const context = readContext(store, contextId);
  return context?.isInitialized === true ? context : undefined;
}

function moveOf({ moves, to, toVersion }: UpgradeRecord, { id, applicationId, version }: Context): ContextMove {
  const known = moves.find(({ contextId }) => contextId === id);
  const attempts = known?.attempts ?? 0;
  if (applicationId === to && version === toVersion) return { contextId: id, state: "done", attempts };
  return known === undefined || known.state === "done" ? { contextId: id, state: "waiting", attempts: 0 } : known;
}
