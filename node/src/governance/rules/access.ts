/** What somebody may do in a context, whichever of their keys asks. */
import type { ContextId, PublicKey } from "../../model/ids.ts";
import { accessTo, accountOf, groupOfContext, standingOf, type Access } from "./standing.ts";
import type { Namespace } from "./state.ts";

/** `who`: an account, or a device of one. `none` where the namespace has no such context. */
export function accessIn(namespace: Namespace, contextId: ContextId, who: PublicKey): Access {
  const group = groupOfContext(namespace, contextId);
  const context = group?.contexts.get(contextId);
  if (group === undefined || context === undefined) return "none";
  return accessTo(context, standingOf(namespace, group.id, who), accountOf(namespace, who));
}
