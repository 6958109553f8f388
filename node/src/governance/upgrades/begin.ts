/** How an upgrade begins and is taken back: the op and the records that follow from it, in one batch. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { compareSemver, isSemver } from "@shoal/shared/base/semver.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Application } from "../../model/application.ts";
import type { ApplicationId, GroupId, PublicKey } from "../../model/ids.ts";
import type { Reader, Store } from "../../storage/store.ts";
import { appKeyOf, installed, type Catalogue } from "../app-key.ts";
import type { Draft, Ledger, Located } from "../ledger.ts";
import type { Group, Namespace } from "../rules/state.ts";
import type { Signers } from "../signers.ts";
import { isOpen, recordRow, type UpgradeRecord } from "./record.ts";
import { refreshed } from "./refresh.ts";

export interface UpgradeInput {
  readonly groupId: GroupId;
  readonly targetApplicationId: ApplicationId;
  readonly migrateMethod?: string;
  /** Also the open groups below that run the same application. */
  readonly cascade: boolean;
  readonly requester?: PublicKey;
}

export interface BeginInit {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly applications: Catalogue;
  readonly signers: Signers;
  readonly records: Map<GroupId, UpgradeRecord>;
}

/** The records of the group and of those below that came along, the group's first. */
export async function beginUpgrade(init: BeginInit, input: UpgradeInput): Promise<readonly UpgradeRecord[]> {
  const { store, ledger, clock, applications, signers, records } = init;
  const { namespace, group } = found(ledger.find(input.groupId));
  const target = await installed(applications, input.targetApplicationId);
  const current = await applications.get(group.targetApplicationId, group.targetVersion);
  requireSuccessor(group, current, target);
  const signer = signers.signerFor(group.id, input.requester);
  const who = { initiatedAtMs: clock.now(), initiatedBy: signer.publicKey };
  let written: readonly UpgradeRecord[] = [];
  await ledger.submit(
    namespace.id,
    () => draftsFor(group.id, signer, target, input),
    async (rows, after) => {
      const along = input.cascade ? retargeted(ledger.find(group.id)?.namespace, after, group.id) : [];
      written = [group.id, ...along].map((id) => {
        requireIdle(records.get(id));
        return recordFor(found(ledger.find(id)).group, input, target, who, store);
      });
      await store.apply([...rows, ...written.map(recordRow)]);
      await store.durable();
    },
  );
  for (const record of written) records.set(record.groupId, record);
  return written;
}

/** Back to the application before: what has not moved stays with it, what has moved stays moved. */
export async function abortUpgrade(
  init: BeginInit,
  record: UpgradeRecord,
  requester: PublicKey | undefined,
): Promise<UpgradeRecord> {
  const { store, ledger, clock, applications, signers, records } = init;
  const { namespace, group } = found(ledger.find(record.groupId));
  const before = await installed(applications, record.from, record.fromVersion);
  const back = { cascade: false };
  const signer = signers.signerFor(group.id, requester);
  let aborted = record;
  await ledger.submit(
    namespace.id,
    () => draftsFor(group.id, signer, before, back),
    async (rows) => {
      aborted = { ...(records.get(group.id) ?? record), abortedAtMs: clock.now() };
      await store.apply([...rows, recordRow(aborted)]);
      await store.durable();
    },
  );
  records.set(group.id, aborted);
  return aborted;
}

/** Groups other than `origin` whose application the op changed. */
function retargeted(before: Namespace | undefined, after: Namespace | undefined, origin: GroupId): readonly GroupId[] {
  return [...(after?.groups.values() ?? [])]
    .filter(({ id, targetApplicationId }) => {
      const old = before?.groups.get(id);
      return id !== origin && old !== undefined && old.targetApplicationId !== targetApplicationId;
    })
    .map(({ id }) => id)
    .sort();
}

function found(located: Located | undefined): Located {
  if (located === undefined) throw new ShoalError("not_found", "this node is in no such group", { field: "groupId" });
  return located;
}

function requireIdle(record: UpgradeRecord | undefined): void {
  if (record === undefined || !isOpen(record)) return;
  throw new ShoalError("conflict", `an upgrade of ${record.groupId} is under way: retry or abort it first`);
}

/** State is never handed to another author's code, nor to code that is older than what wrote it. */
function requireSuccessor(group: Group, current: Application | undefined, target: Application): void {
  const field = "targetApplicationId";
  if (target.id === group.targetApplicationId && target.version === group.targetVersion) {
    throw new ShoalError("conflict", `the group runs ${target.version} already`, { field });
  }
  if (current?.signerId === undefined) return;
  if (current.signerId !== target.signerId || current.package !== target.package) {
    throw new ShoalError("permission_denied", "the target is not the same package by the same signer", { field });
  }
  if (isSemver(current.version) && isSemver(target.version) && compareSemver(target.version, current.version) < 0) {
    throw new ShoalError("conflict", `${target.version} is older than ${current.version}`, { field });
  }
}

function draftsFor(
  groupId: GroupId,
  signer: Draft["signer"],
  target: Application,
  { migrateMethod, cascade }: Pick<UpgradeInput, "migrateMethod" | "cascade">,
): readonly Draft[] {
  return [
    {
      groupId,
      signer,
      action: {
        type: "TargetApplicationSet",
        appKey: appKeyOf(target),
        applicationId: target.id,
        version: target.version,
        cascade,
        ...(migrateMethod === undefined ? {} : { migrateMethod }),
      },
    },
  ];
}

function recordFor(
  group: Group,
  { groupId, migrateMethod }: UpgradeInput,
  target: Application,
  who: Pick<UpgradeRecord, "initiatedAtMs" | "initiatedBy">,
  store: Reader,
): UpgradeRecord {
  const record: UpgradeRecord = {
    ...who,
    groupId: group.id,
    from: group.targetApplicationId,
    to: target.id,
    fromVersion: group.targetVersion,
    toVersion: target.version,
    ...(migrateMethod === undefined ? {} : { migrateMethod }),
    policy: group.upgradePolicy,
    ...(group.id === groupId ? {} : { cascadeOf: groupId }),
    moves: [],
    released: false,
  };
  return refreshed(record, group, store, who.initiatedAtMs);
}
