/** Handlers of `shared/src/wire/node/governance/upgrades.ts`. */
import type { upgradeEndpoints } from "@shoal/shared/wire/node/governance/upgrades.ts";
import type { Group } from "../../../governance/rules/state.ts";
import { countsOf, isOpen, type UpgradeRecord } from "../../../governance/upgrades/record.ts";
import type { PublicKey } from "../../../model/ids.ts";
import type { Call, HandlersOf } from "../../call.ts";
import type { GovernanceParts } from "./parts.ts";
import { accountOf, secondsOf, upgradeResult, upgradeView } from "./views.ts";

type Parts = Pick<GovernanceParts, "governance">;
type Handlers = HandlersOf<typeof upgradeEndpoints>;
type MigrationStatus = Awaited<ReturnType<Handlers["upgrades.migration"]>>;
type StartBody = Call<Extract<(typeof upgradeEndpoints)[number], { id: "upgrades.start" }>>["body"];

export function upgradeHandlers({ governance }: Parts): Handlers {
  const { upgrades } = governance;
  return {
    "upgrades.start": async ({ params, body }) => {
      const record = await upgrades.upgrade({ groupId: params.group, ...optionsOf(body) });
      return { data: upgradeResult(record) };
    },
    "upgrades.status": async ({ params }) => {
      const { id } = governance.group(params.group).group;
      const record = upgrades.status(id);
      return { data: record === undefined ? null : upgradeView(record) };
    },
    "upgrades.retry": async ({ params }) => {
      const { id } = governance.group(params.group).group;
      return { data: upgradeResult(await upgrades.retry(id)) };
    },
    "upgrades.cascade": async ({ params }) => {
      const { id } = governance.group(params.group).group;
      return { data: upgrades.cascade(id).map((each) => ({ groupId: each.groupId, upgrade: upgradeView(each) })) };
    },
    "upgrades.migration": async ({ params }) => {
      const { group } = governance.group(params.group);
      return migrationOf(group, upgrades.status(group.id), governance.account);
    },
    "upgrades.abort": async ({ params, body }) => {
      await upgrades.abort(governance.group(params.group).group.id, body.requester);
      return { data: { aborted: true } };
    },
  };
}

function optionsOf(body: StartBody) {
  return {
    targetApplicationId: body.targetApplicationId,
    cascade: body.cascade,
    ...(body.migrateMethod === undefined ? {} : { migrateMethod: body.migrateMethod }),
    ...(body.requester === undefined ? {} : { requester: body.requester }),
  };
}

type MemberState = MigrationStatus["members"][number]["state"];

function stateOf(record: UpgradeRecord): MemberState {
  if (!isOpen(record)) return record.completedAtMs === undefined ? "unknown" : "migrated";
  return countsOf(record).failed > 0 ? "failed" : "in_progress";
}

/** This node knows of itself; of every other member it knows nothing before it hears from them. */
function migrationOf(group: Group, record: UpgradeRecord | undefined, self: PublicKey): MigrationStatus {
  const members = [...group.members.keys()].map((member) => {
    const state: MemberState = member === self && record !== undefined ? stateOf(record) : "unknown";
    return { peer: member, account: accountOf(member), state };
  });
  const count = (state: MemberState): number => members.filter((each) => each.state === state).length;
  const [migrated, total] = [count("migrated"), members.length];
  return {
    // The major version: what an upgrade is known by where the module states no schema version.
    targetVersion: Number.parseInt(record?.toVersion ?? "", 10) || 0,
    expectedMembers: total,
    ...(migrated === total && record?.completedAtMs !== undefined
      ? { fleetCompletedAt: secondsOf(record.completedAtMs) }
      : {}),
    rollup: {
      migrated,
      inProgress: count("in_progress"),
      unknown: count("unknown"),
      failed: count("failed"),
      total,
      allMigrated: migrated === total,
      membersPendingSignature: 0,
    },
    members,
  };
}
