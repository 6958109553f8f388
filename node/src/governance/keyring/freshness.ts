/**
 * When a scope's key may still be used. A key is fresh while no effective op that may have taken reading from somebody stands
 * outside the past of the op that made it: whoever was ever given the key, in its boxes or later, may then read still. That is
 * a matter of the log's shape, so two removals at once, each with a new key, leave no key that either of the two has.
 */
import type { Hash } from "../../model/ids.ts";
import type { Book } from "../book.ts";
import type { ActionType, LoggedOp } from "../rules/op.ts";
import { upward } from "../rules/standing.ts";
import type { Namespace, Rotation } from "../rules/state.ts";
import { mayRead, type Scope } from "./scopes.ts";

/** Ops of these types in a scope's group, or in one above it. */
const TAKE_FROM_GROUPS: ReadonlySet<ActionType> = new Set([
  "MemberRemoved",
  "MemberLeft",
  "SubgroupVisibilitySet",
  "GroupReparented",
  "NamespaceCreated",
]);
/** Also these where a scope is one context's. */
const TAKE_FROM_CONTEXTS: ReadonlySet<ActionType> = new Set([
  "MemberRoleSet",
  "ContextVisibilitySet",
  "ContextAllowlistReplaced",
]);
const TAKES: ReadonlySet<ActionType> = new Set([...TAKE_FROM_GROUPS, ...TAKE_FROM_CONTEXTS, "AccountDeviceUnlinked"]);

export const mayTake = ({ op }: LoggedOp): boolean => TAKES.has(op.action.type);

function concerns({ op: { groupId, action } }: LoggedOp, scope: Scope, line: ReadonlySet<string>): boolean {
  if (action.type === "AccountDeviceUnlinked") return true;
  if (!line.has(groupId)) return false;
  if (TAKE_FROM_GROUPS.has(action.type)) return true;
  if (scope.contextId === undefined) return false;
  return !("contextId" in action) || action.contextId === scope.contextId;
}

/** Ops that may have taken something, and which of them each key's op has in its past. */
export class Takings {
  readonly #ops: LoggedOp[] = [];
  readonly #past = new Map<Hash, ReadonlySet<Hash>>();
  #read = 0;

  /** `book`: the same at every call. */
  isFresh(book: Book, namespace: Namespace, scope: Scope, rotation: Rotation): boolean {
    for (; this.#read < book.arrivals.length; this.#read++) {
      const logged = book.arrivals[this.#read];
      if (logged !== undefined && mayTake(logged)) this.#ops.push(logged);
    }
    for (const who of rotation.audience) if (!mayRead(namespace, scope, who)) return false;
    const line = new Set<string>([...upward(namespace, scope.groupId, false)].map(({ id }) => id));
    const past = this.#pastOf(book, rotation.op);
    return this.#ops.every((one) => past.has(one.hash) || !concerns(one, scope, line) || !isEffective(book, one.hash));
  }

  /** What arrives later is no ancestor of what is here, so this is found once. */
  #pastOf({ history }: Book, op: Hash): ReadonlySet<Hash> {
    const known = this.#past.get(op);
    if (known !== undefined) return known;
    const wanted = new Set(this.#ops.map(({ hash }) => hash));
    const past = new Set<Hash>();
    const seen = new Set<Hash>([op]);
    const next = [op];
    for (let at = next.pop(); at !== undefined && past.size < wanted.size; at = next.pop()) {
      if (wanted.has(at)) past.add(at);
      for (const parent of history.get(at)?.op.parents ?? []) {
        if (seen.has(parent)) continue;
        seen.add(parent);
        next.push(parent);
      }
    }
    this.#past.set(op, past);
    return past;
  }
}

export function isEffective({ history }: Book, op: Hash): boolean {
  const verdict = history.verdict(op);
  return verdict !== undefined && "effective" in verdict;
}
