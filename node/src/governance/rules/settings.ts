/** What a group is set to: default capabilities, upgrade policy, the application its contexts should run. */
import { ALL_CAPABILITIES, CAPABILITY } from "./capabilities.ts";
import { can, isAdmin, isMember, onlyFor, type Case, type Kinds } from "./case.ts";
import { change } from "./changes.ts";
import type { ActionOf } from "./op.ts";
import { descendantsOf, standingOf } from "./standing.ts";
import { withGroup, type Group } from "./state.ts";
import { takesDefaultCapabilities, takesInheritance } from "./takes.ts";

type SettingsOp =
  | "Noop"
  | "DefaultCapabilitiesSet"
  | "UpgradePolicySet"
  | "TargetApplicationSet"
  | "GroupMigrationSet"
  | "SubgroupVisibilitySet";

const managesApplication = (one: Case<SettingsOp>): boolean => isAdmin(one) || can(one, CAPABILITY.manageApplication);

function migratingBy(group: Group, method: string | undefined): Group {
  const { migrateMethod: _, ...rest } = group;
  return method === undefined ? rest : { ...rest, migrateMethod: method };
}

function aimedAt(
  group: Group,
  { appKey, applicationId, version, migrateMethod }: ActionOf<"TargetApplicationSet">,
): Group {
  const to = { appKey, targetApplicationId: applicationId, targetVersion: version };
  return { ...migratingBy(group, migrateMethod), ...to };
}

export const SETTINGS_KINDS: Kinds<SettingsOp> = {
  Noop: { refuse: [onlyFor(isMember, "only members tell that they saw something")], effect: (one) => one.namespace },
  DefaultCapabilitiesSet: {
    refuse: [
      onlyFor(isAdmin, "capabilities are an admin's to give"),
      {
        when: (one) => (one.action.capabilities & ~ALL_CAPABILITIES) !== 0,
        then: "invalid",
        because: "the mask has bits without meaning",
      },
    ],
    effect: (one) => change(one, { defaultCapabilities: one.action.capabilities }),
    takes: (one) => {
      const bits = one.group.defaultCapabilities & ~one.action.capabilities;
      return bits === 0 ? undefined : takesDefaultCapabilities(one.group.id, bits);
    },
  },
  UpgradePolicySet: {
    refuse: [onlyFor(isAdmin, "the upgrade policy is an admin's to set")],
    effect: (one) => change(one, { upgradePolicy: one.action.policy }),
  },
  TargetApplicationSet: {
    refuse: [onlyFor(managesApplication, "setting the application takes an admin or MANAGE_APPLICATION")],
    effect: (one) => {
      const { cascade } = one.action;
      let namespace = withGroup(one.namespace, aimedAt(one.group, one.action));
      if (!cascade) return namespace;
      for (const below of descendantsOf(one.namespace, one.group.id)) {
        const there = standingOf(one.namespace, below.id, one.signer);
        const may = there !== undefined && (there.capabilities & CAPABILITY.manageApplication) !== 0;
        const same = below.targetApplicationId === one.group.targetApplicationId;
        if (may && same) namespace = withGroup(namespace, aimedAt(below, one.action));
      }
      return namespace;
    },
  },
  GroupMigrationSet: {
    refuse: [onlyFor(managesApplication, "setting a migration takes an admin or MANAGE_APPLICATION")],
    effect: (one) => withGroup(one.namespace, migratingBy(one.group, one.action.migrateMethod)),
  },
  SubgroupVisibilitySet: {
    checksAdmins: true,
    refuse: [
      onlyFor(
        (one) => isAdmin(one) || can(one, CAPABILITY.manageVisibility),
        "takes an admin or CAN_MANAGE_VISIBILITY",
      ),
    ],
    effect: (one) => change(one, { visibility: one.action.visibility }),
    takes: (one) =>
      one.group.visibility === "Open" && one.action.visibility === "Restricted"
        ? takesInheritance(one.group.id)
        : undefined,
  },
};
