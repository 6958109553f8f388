/**
 * What a rule looks at, and the two things that come of it. A kind of op has an ordered list of refusals (first match
 * refuses, with its because) and an effect for when none matched.
 */
import type { ContextId, Hash, PublicKey } from "../../model/ids.ts";
import type { Action, ActionOf, ActionType } from "./op.ts";
import { standingOf, type Standing } from "./standing.ts";
import type { Group, GroupContext, Member, Namespace } from "./state.ts";

/** Machine word of a refusal. */
export type Refusal =
  | "unknown_version"
  | "too_many_parents"
  | "bad_signature"
  | "stale_nonce"
  | "unknown_group"
  | "already_exists"
  | "not_found"
  | "not_permitted"
  | "last_admin"
  | "owner_stays"
  | "not_empty"
  | "expired"
  | "spent"
  | "denied"
  | "not_invited"
  | "not_attested"
  | "too_deep"
  | "invalid"
  | "limit";

/** Signatures and hashes, handed in: rules know neither a library nor a key. */
export interface Crypto {
  /** Ed25519; false for anything malformed. */
  verify(signer: PublicKey, bytes: Uint8Array, signature: string): boolean;
  /** SHA-256. */
  hash(bytes: Uint8Array): Hash;
}

interface Situation<A extends Action> {
  readonly namespace: Namespace;
  readonly group: Group;
  /** The account that acts. */
  readonly signer: PublicKey;
  /** The key that signed: the account's own, or a device's. */
  readonly key: PublicKey;
  /** The signer's; undefined for strangers. */
  readonly standing: Standing | undefined;
  readonly atMs: number;
  readonly hash: Hash;
  /** Length of the longest chain of ops up to this one. */
  readonly depth: number;
  readonly action: A;
  readonly crypto: Crypto;
}

interface RuleOn<A extends Action> {
  readonly when: (one: Situation<A>) => boolean;
  readonly then: Refusal;
  readonly because: string;
}

/** An op of these types and what it is judged against. */
export type Case<T extends ActionType> = Situation<ActionOf<T>>;
export type Rule<T extends ActionType> = RuleOn<ActionOf<T>>;

/**
 * What a removal took, taken from another state of the same namespace: what that state would be had its ops been made in sight
 * of the removal. Gives back the very state where there is nothing to take; taking twice takes no more than once.
 */
export type Take = (namespace: Namespace) => Namespace;

export interface Kind<T extends ActionType> {
  /** Ordered; the first that matches refuses. */
  readonly refuse: readonly Rule<T>[];
  /** The state after it; only called when nothing refused. */
  readonly effect: (one: Case<T>) => Namespace;
  /** May leave a group that nobody governs; then it is refused after all. */
  readonly checksAdmins?: true;
  /** For a removal: what it takes, given the state that it was made on; undefined where it takes nothing there. */
  readonly takes?: (one: Case<T>) => Take | undefined;
}

export type Kinds<T extends ActionType> = { readonly [K in T]: Kind<K> };

type Any = Situation<Action>;

export const isAdmin = (one: Any): boolean => one.standing?.admin === true;
export const isMember = (one: Any): boolean => one.standing !== undefined;
export const isDirectAdmin = (one: Any): boolean => isAdmin(one) && one.standing?.direct === true;
export const can = (one: Any, bit: number): boolean => ((one.standing?.capabilities ?? 0) & bit) === bit;

export function memberOf(one: Any, who: PublicKey): Member | undefined {
  return one.group.members.get(who);
}

export function contextOf(one: Any, contextId: ContextId): GroupContext | undefined {
  return one.group.contexts.get(contextId);
}

export function standing(one: Any, who: PublicKey): Standing | undefined {
  return standingOf(one.namespace, one.group.id, who);
}

export function isCreator(one: Any, contextId: ContextId): boolean {
  return contextOf(one, contextId)?.creator === one.signer;
}

/** A rule that refuses everybody for whom `allowed` does not hold. */
export function onlyFor<A extends Action>(allowed: (one: Situation<A>) => boolean, because: string): RuleOn<A> {
  return { when: (one) => !allowed(one), then: "not_permitted", because };
}
