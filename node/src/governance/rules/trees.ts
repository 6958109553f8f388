/** Groups with all that hangs below them. */
import type { GroupId } from "../../model/ids.ts";
import { descendantsOf } from "./standing.ts";
import type { Namespace } from "./state.ts";

/** A group with everything below it. */
export const subtree = (namespace: Namespace, id: GroupId): readonly GroupId[] => [
  id,
  ...descendantsOf(namespace, id).map((group) => group.id),
];

/** The namespace without a group and all below it; remembers the last owner of a root that falls. */
export function fell(namespace: Namespace, id: GroupId): Namespace {
  const groups = new Map(namespace.groups);
  const gone = new Set(subtree(namespace, id));
  for (const each of gone) groups.delete(each);
  const rotations = new Map([...namespace.rotations].filter(([, { groupId }]) => !gone.has(groupId)));
  const heir = namespace.groups.get(namespace.id)?.owner;
  return { ...namespace, groups, rotations, ...(gone.has(namespace.id) && heir !== undefined ? { heir } : {}) };
}
