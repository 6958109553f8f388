/**
 * Which contexts this node's account follows, by the log: those of groups that it is a member of and follows (it does unless it
 * was told not to), and those that it joined by itself. Who follows subgroups joins open ones as they appear. A context that a
 * person let go of is not brought back.
 */
import type { Log } from "@shoal/shared/base/log.ts";
import { secretOf } from "../context/identities.ts";
import type { ContextId, GroupId } from "../model/ids.ts";
import type { KeyPair } from "../model/keys.ts";
import type { Row, Store } from "../storage/store.ts";
import type { Book } from "./book.ts";
import { contextKey, PREFIX } from "./keys.ts";
import type { Change, Draft, Ledger } from "./ledger.ts";
import { accountOf, accessTo, standingOf } from "./rules/standing.ts";
import type { Group, Namespace } from "./rules/state.ts";

export interface Following {
  toFollow(): readonly ContextId[];
  onFollow(listener: () => void): () => void;
  /** After each change of a log. */
  changed(change: Change): void;
  /** After this node itself joined a context or let go of one. */
  refresh(): void;
}

/** The row that keeps a context from being followed; `isFollowed` takes it away. */
export function unfollowedRow(contextId: ContextId, isFollowed: boolean): Row {
  const value = isFollowed ? undefined : new Uint8Array();
  return { column: "group", key: contextKey(PREFIX.unfollowed, contextId), value };
}

export interface FollowingInit {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly account: KeyPair;
  readonly log: Log;
}

export function createFollowing(init: FollowingInit): Following {
  const { ledger, log } = init;
  const listeners = new Set<() => void>();
  const joining = new Set<GroupId>();
  let last: readonly ContextId[] | undefined;

  const followed = (): readonly ContextId[] =>
    [...ledger.namespaces()].flatMap((namespace) => [...followedIn(init, namespace)]).sort();

  const refresh = (): void => {
    const before = last;
    last = followed();
    if (before !== undefined && before.length === last.length && before.every((id, at) => id === last?.[at])) return;
    for (const listener of listeners) listener();
  };

  const joinSubgroups = (book: Book, namespace: Namespace): void => {
    for (const draft of draftsToJoin(init, book, namespace)) {
      if (joining.has(draft.groupId)) continue;
      joining.add(draft.groupId);
      ledger
        .submit(namespace.id, () => [draft])
        .catch((err: unknown) => log.debug({ group: draft.groupId, err }, "a subgroup was not joined"))
        .finally(() => joining.delete(draft.groupId));
    }
  };

  return {
    toFollow: () => (last ??= followed()),
    onFollow(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    changed({ book, after }) {
      refresh();
      if (after !== undefined) joinSubgroups(book, after);
    },
    refresh,
  };
}

function* followedIn({ store, ledger, account }: FollowingInit, namespace: Namespace): Generator<ContextId> {
  const who = accountOf(namespace, account.publicKey);
  for (const group of namespace.groups.values()) {
    if (group.contexts.size === 0) continue;
    const standing = standingOf(namespace, group.id, who);
    if (standing === undefined) continue;
    const follows = group.members.get(who)?.autoFollow.contexts === true;
    for (const [id, context] of group.contexts) {
      if (accessTo(context, standing, who) === "none" || ledger.groupOf(id) !== group.id) continue;
      if (!follows && secretOf(store, id, account.publicKey) === undefined) continue;
      if (store.get("group", contextKey(PREFIX.unfollowed, id)) === undefined) yield id;
    }
  }
}

/** Open groups below one whose member follows subgroups; who left one of them does not come back by itself. */
function draftsToJoin({ ledger, account }: FollowingInit, book: Book, namespace: Namespace): readonly Draft[] {
  const who = accountOf(namespace, account.publicKey);
  const wanted = (group: Group): boolean => {
    const parent = group.parent === undefined ? undefined : namespace.groups.get(group.parent);
    return parent?.members.get(who)?.autoFollow.subgroups === true && !group.members.has(who);
  };
  const left = (group: Group): boolean =>
    book.arrivals.some(
      ({ op }) => op.action.type === "MemberLeft" && op.groupId === group.id && accountOf(namespace, op.signer) === who,
    );
  return [...namespace.groups.values()]
    .filter((group) => wanted(group) && standingOf(namespace, group.id, who) !== undefined && !left(group))
    .map((group): Draft => ({ groupId: group.id, signer: account, action: { type: "MemberJoinedOpen" } }))
    .filter((draft) => isAllowed(ledger, namespace.id, draft));
}

function isAllowed(ledger: Ledger, namespaceId: GroupId, draft: Draft): boolean {
  try {
    ledger.rehearse(namespaceId, [draft]);
    return true;
  } catch {
    return false;
  }
}
