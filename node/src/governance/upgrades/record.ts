/**
 * How far this node is with moving a group's contexts to the group's application: node-local, one row per group, written
 * with the op that asks for it and after each context, so that a restart goes on where it was.
 */
import type { ApplicationId, ContextId, GroupId, PublicKey } from "../../model/ids.ts";
import type { Reader, Row } from "../../storage/store.ts";
import { groupInKey, groupKey, PREFIX, prefixOf } from "../keys.ts";
import type { UpgradePolicy } from "../rules/state.ts";

export interface ContextMove {
  readonly contextId: ContextId;
  readonly state: "waiting" | "done" | "failed";
  /** Tries so far. */
  readonly attempts: number;
  /** Why the last try failed, or for what it waits. */
  readonly error?: string;
}

export interface UpgradeRecord {
  readonly groupId: GroupId;
  readonly from: ApplicationId;
  readonly to: ApplicationId;
  readonly fromVersion: string;
  readonly toVersion: string;
  readonly migrateMethod?: string;
  readonly initiatedAtMs: number;
  readonly initiatedBy: PublicKey;
  readonly policy: UpgradePolicy;
  /** The group whose upgrade this one came with. */
  readonly cascadeOf?: GroupId;
  /** Another node began it: for so long its own delta, which moves the context here as well, is waited for. */
  readonly patienceMs?: number;
  /** Of contexts that are here. */
  readonly moves: readonly ContextMove[];
  /** Somebody said go: what a coordinated upgrade waits for, and what a lazy one may be told. */
  readonly released: boolean;
  readonly completedAtMs?: number;
  readonly abortedAtMs?: number;
}

export interface UpgradeCounts {
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
}

export function countsOf({ moves }: UpgradeRecord): UpgradeCounts {
  const count = (state: ContextMove["state"]): number => moves.filter((move) => move.state === state).length;
  return { total: moves.length, completed: count("done"), failed: count("failed") };
}

export function isOpen({ completedAtMs, abortedAtMs }: UpgradeRecord): boolean {
  return completedAtMs === undefined && abortedAtMs === undefined;
}

/** The record with one context moved on; complete once all are done. */
export function moved(record: UpgradeRecord, move: ContextMove, nowMs: number): UpgradeRecord {
  return settled(
    { ...record, moves: record.moves.map((each) => (each.contextId === move.contextId ? move : each)) },
    nowMs,
  );
}

/** Says when it was completed, if it is. */
export function settled(record: UpgradeRecord, nowMs: number): UpgradeRecord {
  const done = record.moves.every((move) => move.state === "done");
  return done && record.completedAtMs === undefined ? { ...record, completedAtMs: nowMs } : record;
}

/** What failed waits again, with its tries forgotten. */
export function again(record: UpgradeRecord): UpgradeRecord {
  const moves = record.moves.map((move): ContextMove =>
    move.state === "failed" ? { contextId: move.contextId, state: "waiting", attempts: 0 } : move,
  );
  return { ...record, moves, released: true };
}

export function recordRow(record: UpgradeRecord): Row {
  const value = new TextEncoder().encode(JSON.stringify(record));
  return { column: "group", key: groupKey(PREFIX.upgrade, record.groupId), value };
}

export async function readRecords(store: Reader): Promise<Map<GroupId, UpgradeRecord>> {
  const records = new Map<GroupId, UpgradeRecord>();
  for await (const [key, value] of store.scan("group", prefixOf(PREFIX.upgrade))) {
    records.set(groupInKey(key), JSON.parse(new TextDecoder().decode(value)) as UpgradeRecord);
  }
  return records;
}
