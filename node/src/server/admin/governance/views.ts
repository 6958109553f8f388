/** What the resources of governance look like to clients of both generations. */
import { hex } from "@scure/base";
import type { groupInfoSchema, groupSummarySchema } from "@shoal/shared/wire/node/governance/groups.ts";
import type { metadataSchema, upgradePolicySchema } from "@shoal/shared/wire/node/governance/values.ts";
import type { upgradeResultSchema, upgradeStatusSchema } from "@shoal/shared/wire/node/governance/values.ts";
import type { z } from "zod";
import type { Group, MetadataRecord, UpgradePolicy, Visibility } from "../../../governance/rules/state.ts";
import { countsOf, isOpen, type UpgradeRecord } from "../../../governance/upgrades/record.ts";
import { bytesOf, type PublicKey } from "../../../model/ids.ts";

/** An account as the third generation writes it. */
export const accountOf = (key: PublicKey): string => hex.encode(bytesOf(key));
export const secondsOf = (ms: number): number => Math.floor(ms / 1000);

export const visibilityView = (visibility: Visibility): "open" | "restricted" =>
  visibility === "Open" ? "open" : "restricted";
export const visibilityOf = (mode: "open" | "restricted"): Visibility => (mode === "open" ? "Open" : "Restricted");

/** Both names of what is one: the second generation's alias, the third's name. */
export function labelView(metadata: MetadataRecord | undefined): { alias?: string; name?: string } {
  return metadata?.name === undefined ? {} : { alias: metadata.name, name: metadata.name };
}

export function metadataView(metadata: MetadataRecord | undefined): z.input<typeof metadataSchema> | null {
  if (metadata === undefined) return null;
  return {
    name: metadata.name ?? null,
    data: { ...metadata.data },
    updatedAt: secondsOf(metadata.atMs),
    updatedBy: accountOf(metadata.by),
  };
}

export function policyOf(policy: z.output<typeof upgradePolicySchema>, nowMs: number): UpgradePolicy {
  if (typeof policy === "string") return { type: policy };
  const { deadline } = policy.Coordinated;
  if (deadline === undefined) return { type: "Coordinated" };
  const deadlineMs = typeof deadline === "number" ? deadline * 1000 : nowMs + deadline.secs * 1000;
  return { type: "Coordinated", deadlineMs: Math.round(deadlineMs) };
}

export function groupSummary(group: Group): z.input<typeof groupSummarySchema> {
  return {
    groupId: group.id,
    appKey: group.appKey,
    targetApplicationId: group.targetApplicationId,
    upgradePolicy: group.upgradePolicy.type,
    createdAt: secondsOf(group.createdAtMs),
    ...labelView(group.metadata),
  };
}

export function groupInfo(group: Group, upgrade: UpgradeRecord | undefined): z.input<typeof groupInfoSchema> {
  const { alias } = labelView(group.metadata);
  return {
    groupId: group.id,
    appKey: group.appKey,
    targetApplicationId: group.targetApplicationId,
    upgradePolicy: group.upgradePolicy.type,
    memberCount: group.members.size,
    contextCount: group.contexts.size,
    ...(upgrade !== undefined && isOpen(upgrade) ? { activeUpgrade: upgradeView(upgrade) } : {}),
    defaultCapabilities: group.defaultCapabilities,
    defaultVisibility: visibilityView(group.defaultVisibility),
    subgroupVisibility: visibilityView(group.visibility),
    ...(alias === undefined ? {} : { alias }),
    metadata: metadataView(group.metadata),
  };
}

function statusOf(record: UpgradeRecord): string {
  if (record.abortedAtMs !== undefined) return "aborted";
  return record.completedAtMs === undefined ? "in_progress" : "completed";
}

function countsView(record: UpgradeRecord) {
  const { total, completed, failed } = countsOf(record);
  return {
    total,
    completed,
    failed,
    localContextsTotal: total,
    localContextsSwapped: completed,
    localContextsFailed: failed,
  };
}

export function upgradeResult(record: UpgradeRecord): z.input<typeof upgradeResultSchema> {
  return { groupId: record.groupId, status: statusOf(record), ...countsView(record) };
}

export function upgradeView(record: UpgradeRecord): z.input<typeof upgradeStatusSchema> {
  return {
    fromVersion: record.fromVersion,
    toVersion: record.toVersion,
    initiatedAt: secondsOf(record.initiatedAtMs),
    initiatedBy: record.initiatedBy,
    status: statusOf(record),
    ...countsView(record),
    localContexts: record.moves.map((move) => ({ ...move })),
    ...(record.completedAtMs === undefined ? {} : { completedAt: secondsOf(record.completedAtMs) }),
  };
}
