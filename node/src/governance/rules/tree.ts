/** How the groups of a namespace hang together: creation, nesting, removal. */
import type { GroupId } from "../../model/ids.ts";
import { CAPABILITY } from "./capabilities.ts";
import { can, isAdmin, onlyFor, type Case, type Kinds } from "./case.ts";
import { newGroup } from "./changes.ts";
import { checksName } from "./metadata.ts";
import { depthOf, rulesFromAbove, standingOf } from "./standing.ts";
import { LIMITS, withGroup, type Namespace } from "./state.ts";
import { takesGroup, takesParent } from "./takes.ts";
import { fell, subtree } from "./trees.ts";

type TreeOp = "SubgroupCreated" | "SubgroupRemoved" | "GroupReparented" | "GroupDelete";

function holdsContexts(namespace: Namespace, id: GroupId): boolean {
  return subtree(namespace, id).some((each) => (namespace.groups.get(each)?.contexts.size ?? 0) > 0);
}

const isChild = (one: Case<"SubgroupRemoved">): boolean =>
  one.namespace.groups.get(one.action.childGroupId)?.parent === one.group.id;

const height = (one: Case<"GroupReparented">): number =>
  Math.max(...subtree(one.namespace, one.group.id).map((id) => depthOf(one.namespace, id))) -
  depthOf(one.namespace, one.group.id);

export const TREE_KINDS: Kinds<TreeOp> = {
  SubgroupCreated: {
    refuse: [
      onlyFor((one) => isAdmin(one) || can(one, CAPABILITY.createSubgroup), "takes an admin or CAN_CREATE_SUBGROUP"),
      {
        when: (one) => one.namespace.groups.has(one.action.childGroupId),
        then: "already_exists",
        because: "there is a group of that id",
      },
      {
        when: (one) => depthOf(one.namespace, one.group.id) + 1 > LIMITS.depth,
        then: "too_deep",
        because: `groups nest ${LIMITS.depth} deep at most`,
      },
      {
        when: (one) => one.namespace.groups.size >= LIMITS.groups,
        then: "limit",
        because: `a namespace has at most ${LIMITS.groups} groups`,
      },
      checksName((one) => one.action.seed.name),
    ],
    effect: (one) =>
      withGroup(one.namespace, newGroup(one.action.childGroupId, one.group.id, one.action.seed, one.signer, one)),
  },
  SubgroupRemoved: {
    refuse: [
      { when: (one) => !isChild(one), then: "not_found", because: "is no subgroup of this group" },
      onlyFor(
        (one) => rulesFromAbove(one.namespace, one.group.id, one.signer) || can(one, CAPABILITY.deleteSubgroup),
        "takes an admin or CAN_DELETE_SUBGROUP",
      ),
      {
        when: (one) => holdsContexts(one.namespace, one.action.childGroupId),
        then: "not_empty",
        because: "contexts are registered in it or below it",
      },
    ],
    effect: (one) => fell(one.namespace, one.action.childGroupId),
    takes: (one) => takesGroup(one.action.childGroupId),
  },
  GroupReparented: {
    checksAdmins: true,
    refuse: [
      onlyFor(isAdmin, "moving a group takes an admin of it"),
      { when: (one) => one.group.parent === undefined, then: "invalid", because: "a root stays the root" },
      {
        when: (one) => !one.namespace.groups.has(one.action.newParentId),
        then: "not_found",
        because: "there is no such group in this namespace",
      },
      {
        when: (one) => standingOf(one.namespace, one.action.newParentId, one.signer)?.admin !== true,
        then: "not_permitted",
        because: "moving a group takes an admin of the new parent as well",
      },
      {
        when: (one) => subtree(one.namespace, one.group.id).includes(one.action.newParentId),
        then: "invalid",
        because: "a group cannot hang below itself",
      },
      {
        when: (one) => depthOf(one.namespace, one.action.newParentId) + 1 + height(one) > LIMITS.depth,
        then: "too_deep",
        because: `groups nest ${LIMITS.depth} deep at most`,
      },
    ],
    effect: (one) => withGroup(one.namespace, { ...one.group, parent: one.action.newParentId }),
    takes: (one) =>
      one.group.parent === one.action.newParentId ? undefined : takesParent(one.group.id, one.action.newParentId),
  },
  GroupDelete: {
    refuse: [
      onlyFor(isAdmin, "deleting a group takes an admin of it"),
      {
        when: (one) => holdsContexts(one.namespace, one.group.id),
        then: "not_empty",
        because: "contexts are registered in it or below it",
      },
    ],
    effect: (one) => fell(one.namespace, one.group.id),
    takes: (one) => takesGroup(one.group.id),
  },
};
