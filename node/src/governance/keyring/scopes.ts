/**
 * Scopes: who reads together. Each group is one, and each restricted context of it; a restricted context whose group was made
 * for it shares that group's id, and then the scope is for who may read the context. Pure.
 */
import { bytesOf, type ContextId, type GroupId, type PublicKey } from "../../model/ids.ts";
import { ownGroupOf } from "../keys.ts";
import { accessIn } from "../rules/access.ts";
import { groupOfContext, standingOf, upward } from "../rules/standing.ts";
import type { Group, Namespace } from "../rules/state.ts";

export interface Scope {
  /** 64 hex digits, as the log has it. */
  readonly id: string;
  readonly groupId: GroupId;
  /** Where only those read who may enter this context. */
  readonly contextId?: ContextId;
}

export function scopeOfGroup(group: Group): Scope {
  const own = [...group.contexts].find(
    ([id, { visibility }]) => visibility === "Restricted" && ownGroupOf(id) === group.id,
  );
  return { id: group.id, groupId: group.id, ...(own === undefined ? {} : { contextId: own[0] }) };
}

/** `groupId`: where the context is registered. */
export function scopeOfContext(namespace: Namespace, contextId: ContextId, groupId?: GroupId): Scope | undefined {
  const group = groupId === undefined ? groupOfContext(namespace, contextId) : namespace.groups.get(groupId);
  const context = group?.contexts.get(contextId);
  if (group === undefined || context === undefined) return undefined;
  if (context.visibility === "Open") return scopeOfGroup(group);
  return { id: Buffer.from(bytesOf(contextId)).toString("hex"), groupId: group.id, contextId };
}

export function* scopesOf(namespace: Namespace): Generator<Scope> {
  for (const group of namespace.groups.values()) {
    yield scopeOfGroup(group);
    for (const [contextId, { visibility }] of group.contexts) {
      const id: string = ownGroupOf(contextId);
      if (visibility === "Restricted" && id !== group.id) yield { id, groupId: group.id, contextId };
    }
  }
}

/** `who`: an account, or a device of one. */
export function mayRead(namespace: Namespace, { groupId, contextId }: Scope, who: PublicKey): boolean {
  return contextId === undefined
    ? standingOf(namespace, groupId, who) !== undefined
    : accessIn(namespace, contextId, who) !== "none";
}

/** Accounts that may read, then their devices. */
export function readersOf(namespace: Namespace, scope: Scope): readonly PublicKey[] {
  const accounts = new Set<PublicKey>();
  for (const group of upward(namespace, scope.groupId, true)) {
    for (const who of group.members.keys()) if (mayRead(namespace, scope, who)) accounts.add(who);
  }
  const devices = [...namespace.devices].filter(([, account]) => accounts.has(account)).map(([device]) => device);
  return [...accounts, ...devices];
}
