/**
 * Upgrades that other nodes began: their op sets what the group runs, and this node moves its own copies of the contexts by the
 * same policy. It only switches the application: whoever began the upgrade runs the migration, and its delta comes like any other.
 */
import { compareSemver, isSemver } from "@shoal/shared/base/semver.ts";
import { bytesOf, type GroupId } from "../../model/ids.ts";
import type { Reader } from "../../storage/store.ts";
import type { Change } from "../ledger.ts";
import type { Group } from "../rules/state.ts";
import { isOpen, settled, type UpgradeRecord } from "./record.ts";

/** Records that follow from ops that arrived, one for each group whose application they changed. */
export function recordsOf(
  { own, before, after, ops }: Change,
  records: ReadonlyMap<GroupId, UpgradeRecord>,
  store: Reader,
  nowMs: number,
): readonly UpgradeRecord[] {
  const set = ops.findLast(({ op }) => op.action.type === "TargetApplicationSet")?.op;
  if (own || set === undefined) return [];
  return [...(after?.groups.values() ?? [])].flatMap((group) => {
    const old = before?.groups.get(group.id);
    if (old === undefined || runsAlike(old, group)) return [];
    const known = records.get(group.id);
    // Taken back: what has moved stays moved, and the rest stays where it is.
    if (isOlder(group, old)) return known !== undefined && isOpen(known) ? [{ ...known, abortedAtMs: nowMs }] : [];
    const here = [...group.contexts.keys()].filter((id) => store.get("meta", bytesOf(id)) !== undefined);
    const record: UpgradeRecord = {
      groupId: group.id,
      from: old.targetApplicationId,
      to: group.targetApplicationId,
      fromVersion: old.targetVersion,
      toVersion: group.targetVersion,
      initiatedAtMs: nowMs,
      initiatedBy: set.signer,
      policy: group.upgradePolicy,
      ...(group.id === set.groupId ? {} : { cascadeOf: set.groupId }),
      moves: here.sort().map((contextId) => ({ contextId, state: "waiting", attempts: 0 })),
      released: false,
    };
    return [settled(record, nowMs)];
  });
}

const runsAlike = (old: Group, group: Group): boolean =>
  old.targetApplicationId === group.targetApplicationId && old.targetVersion === group.targetVersion;

function isOlder({ targetVersion: version }: Group, { targetVersion: than }: Group): boolean {
  return isSemver(version) && isSemver(than) && compareSemver(version, than) < 0;
}
