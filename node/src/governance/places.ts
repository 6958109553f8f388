/**
 * Which namespace a context or group belongs to on this node. Ids are one space over all namespaces, and no namespace's rules
 * can see the others: whoever may register a context could register somebody else's, and so be taken for its governor. The
 * first to name an id here keeps it, on disk, also while its state does not have it; only a person on this node gives one
 * that its holder has let go of to another.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { idOf, type ContextId, type GroupId } from "../model/ids.ts";
import type { Reader, Row } from "../storage/store.ts";
import { contextKey, groupBytes, groupIdOf, groupKey, PREFIX, prefixOf } from "./keys.ts";
import type { Action } from "./rules/op.ts";
import type { Group, Namespace } from "./rules/state.ts";

export interface Located {
  readonly namespace: Namespace;
  readonly group: Group;
}

/** Ids that a namespace comes to hold. */
export interface Claims {
  readonly contexts: readonly ContextId[];
  readonly groups: readonly GroupId[];
}

export class Places {
  readonly #states = new Map<GroupId, Namespace>();
  /** Where each id belongs. */
  readonly #contextHomes = new Map<ContextId, GroupId>();
  readonly #groupHomes = new Map<GroupId, GroupId>();
  /** Of each namespace: the group that each context is in now. */
  readonly #contexts = new Map<GroupId, Map<ContextId, GroupId>>();

  static async read(store: Reader): Promise<Places> {
    const places = new Places();
    for await (const [key, value] of store.scan("group", prefixOf(PREFIX.contextHome))) {
      places.#contextHomes.set(idOf<ContextId>(key.subarray(1)), groupIdOf(value));
    }
    for await (const [key, value] of store.scan("group", prefixOf(PREFIX.groupHome))) {
      places.#groupHomes.set(groupIdOf(key.subarray(1)), groupIdOf(value));
    }
    return places;
  }

  states(): Iterable<Namespace> {
    return this.#states.values();
  }

  state(namespaceId: GroupId): Namespace | undefined {
    return this.#states.get(namespaceId);
  }

  /** Whether or not the context is in a group there now. */
  namespaceOf(contextId: ContextId): GroupId | undefined {
    return this.#contextHomes.get(contextId);
  }

  groupOf(contextId: ContextId): GroupId | undefined {
    const home = this.#contextHomes.get(contextId);
    return home === undefined ? undefined : this.#contexts.get(home)?.get(contextId);
  }

  find(groupId: GroupId): Located | undefined {
    const home = this.#groupHomes.get(groupId);
    const namespace = home === undefined ? undefined : this.#states.get(home);
    const group = namespace?.groups.get(groupId);
    return namespace === undefined || group === undefined ? undefined : { namespace, group };
  }

  /** Throws `already_exists` where an action of this node would name anew what is in use here. */
  requireNew(namespaceId: GroupId, action: Action): void {
    const child = action.type === "SubgroupCreated" ? action.childGroupId : undefined;
    const made = action.type === "NamespaceCreated" ? namespaceId : child;
    if (made !== undefined && this.find(made) !== undefined) {
      throw new ShoalError("already_exists", "there is a group of that id");
    }
    if (action.type === "ContextRegistered" && this.groupOf(action.contextId) !== undefined) {
      throw new ShoalError("already_exists", "the context is in a group already");
    }
  }

  /** What the step to `after` claims; `own`: by ops of this node, which may take what nobody uses any more. */
  claims(after: Namespace | undefined, own: boolean): Claims {
    const contexts: ContextId[] = [];
    const groups: GroupId[] = [];
    const before = after && this.#states.get(after.id);
    for (const [id, group] of after?.groups ?? []) {
      const old = before?.groups.get(id);
      if (old === group) continue;
      const home = this.#groupHomes.get(id);
      if (home === undefined || (own && home !== after?.id && this.find(id) === undefined)) groups.push(id);
      if (old?.contexts === group.contexts) continue;
      for (const context of group.contexts.keys()) {
        const held = this.#contextHomes.get(context);
        const isFree = own && held !== after?.id && this.groupOf(context) === undefined;
        if (held === undefined || isFree) contexts.push(context);
      }
    }
    return { contexts, groups };
  }

  /** Memory follows what the store has taken. */
  move(after: Namespace, { contexts, groups }: Claims): void {
    const before = this.#states.get(after.id);
    for (const context of contexts) this.#contextHomes.set(context, after.id);
    for (const group of groups) this.#groupHomes.set(group, after.id);
    this.#states.set(after.id, after);
    const within = this.#contexts.get(after.id) ?? new Map<ContextId, GroupId>();
    this.#contexts.set(after.id, within);
    for (const [id, group] of before?.groups ?? []) {
      if (after.groups.get(id)?.contexts === group.contexts) continue;
      for (const context of group.contexts.keys()) within.delete(context);
    }
    for (const [id, group] of after.groups) {
      if (before?.groups.get(id)?.contexts === group.contexts) continue;
      for (const context of group.contexts.keys()) within.set(context, id);
    }
  }
}

export function claimRows(namespaceId: GroupId, { contexts, groups }: Claims): readonly Row[] {
  const value = groupBytes(namespaceId);
  return [
    ...contexts.map((id): Row => ({ column: "group", key: contextKey(PREFIX.contextHome, id), value })),
    ...groups.map((id): Row => ({ column: "group", key: groupKey(PREFIX.groupHome, id), value })),
  ];
}
