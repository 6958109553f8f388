/** Keys that gossip is sealed with: who may make one for a scope. The key itself is in the op's boxes, never in the state. */
import { idOf, type ContextId } from "../../model/ids.ts";
import { isAdmin, onlyFor, type Case, type Kinds } from "./case.ts";
import { accessTo } from "./standing.ts";
import { LIMITS, put, type GroupContext } from "./state.ts";
import type { PublicKey } from "../../model/ids.ts";

type Rotated = Case<"GroupKeyRotated">;

/** The restricted context that the scope names, if it does not name the group. */
function contextIn(one: Rotated): GroupContext | undefined {
  const { scope } = one.action;
  if (scope === one.group.id) return undefined;
  const context = one.group.contexts.get(idOf<ContextId>(Buffer.from(scope, "hex")));
  return context?.visibility === "Restricted" ? context : undefined;
}

function mayWrite(one: Rotated): boolean {
  const context = contextIn(one);
  if (context !== undefined && !isAdmin(one)) return accessTo(context, one.standing, one.signer) === "write";
  return one.standing?.role === "Admin" || one.standing?.role === "Member";
}

export const KEY_KINDS: Kinds<"GroupKeyRotated"> = {
  GroupKeyRotated: {
    refuse: [
      {
        when: (one) => one.action.scope !== one.group.id && contextIn(one) === undefined,
        then: "not_found",
        because: "a key is for the group or for a restricted context of it",
      },
      onlyFor(mayWrite, "a new key is made by who may write with it, or by an admin"),
      {
        when: (one) => Object.keys(one.action.boxes).length > LIMITS.boxes,
        then: "limit",
        because: `a key is boxed for at most ${LIMITS.boxes} accounts at once`,
      },
    ],
    effect: ({ namespace, group, signer, hash, action }) => ({
      ...namespace,
      rotations: put(namespace.rotations, action.scope, {
        groupId: group.id,
        keyId: action.keyId,
        op: hash,
        by: signer,
        audience: new Set(Object.keys(action.boxes) as PublicKey[]),
      }),
    }),
  },
};
