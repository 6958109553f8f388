/**
 * Upgrades that other nodes began. Their op says what the group runs and by which migration; the node that began moves the
 * contexts, and its deltas move them here. Only where those do not come in time does this node do it in its place.
 */
import { compareSemver, isSemver } from "@shoal/shared/base/semver.ts";
import type { GroupId, PublicKey } from "../../model/ids.ts";
import type { Reader } from "../../storage/store.ts";
import type { Change } from "../ledger.ts";
import type { Group } from "../rules/state.ts";
import { isOpen, type UpgradeRecord } from "./record.ts";
import { refreshed } from "./refresh.ts";

/** How long the first of those who follow waits for who began; the next one twice as long, and so on up to `MAX_RANK`. */
export const PATIENCE_MS = 10_000;
const MAX_RANK = 8;

export interface ArrivedParts {
  readonly account: PublicKey;
  readonly records: ReadonlyMap<GroupId, UpgradeRecord>;
  readonly store: Reader;
  readonly nowMs: number;
}

/** Records that follow from ops that arrived, one for each group whose application they changed. */
export function recordsOf({ own, before, after, ops }: Change, parts: ArrivedParts): readonly UpgradeRecord[] {
  const { account, records, store, nowMs } = parts;
  const set = ops.findLast(({ op }) => op.action.type === "TargetApplicationSet")?.op;
  if (own || set === undefined) return [];
  return [...(after?.groups.values() ?? [])].flatMap((group) => {
    const old = before?.groups.get(group.id);
    if (old === undefined || runsAlike(old, group)) return [];
    const known = records.get(group.id);
    // Taken back: what has moved stays moved, and the rest stays where it is.
    if (isBack(group, old, known))
      return known !== undefined && isOpen(known) ? [{ ...known, abortedAtMs: nowMs }] : [];
    const record: UpgradeRecord = {
      groupId: group.id,
      from: old.targetApplicationId,
      to: group.targetApplicationId,
      fromVersion: old.targetVersion,
      toVersion: group.targetVersion,
      ...(group.migrateMethod === undefined ? {} : { migrateMethod: group.migrateMethod }),
      initiatedAtMs: nowMs,
      initiatedBy: set.signer,
      policy: group.upgradePolicy,
      ...(group.id === set.groupId ? {} : { cascadeOf: set.groupId }),
      patienceMs: patienceOf(group, account),
      moves: [],
      released: false,
    };
    return [refreshed(record, group, store, nowMs)];
  });
}

const runsAlike = (old: Group, group: Group): boolean =>
  old.targetApplicationId === group.targetApplicationId && old.targetVersion === group.targetVersion;

function isBack(group: Group, old: Group, known: UpgradeRecord | undefined): boolean {
  const { targetApplicationId: id, targetVersion: version } = group;
  if (known !== undefined && known.from === id && known.fromVersion === version) return true;
  return isSemver(version) && isSemver(old.targetVersion) && compareSemver(version, old.targetVersion) < 0;
}

/** Members have their places in a line, so that rarely two of them migrate one context at once. */
function patienceOf(group: Group, account: PublicKey): number {
  const place = [...group.members.keys()].sort().indexOf(account);
  return PATIENCE_MS * (1 + (place < 0 ? MAX_RANK : Math.min(place, MAX_RANK)));
}
