/**
 * The log of one namespace as a value that grows: ops in any order of arrival, and what they add up to. Which ops count is a
 * function of the set of ops alone (see README.md), so two nodes with the same ops have the same state and the same verdicts.
 */
import type { Hash } from "../../model/ids.ts";
import type { Crypto, Refusal } from "./case.ts";
import type { LoggedOp } from "./op.ts";
import type { Namespace } from "./state.ts";

/** What `add` made of an op. */
export type Added =
  | { readonly kind: "added" }
  | { readonly kind: "known" }
  /** Not in the log: these of its parents are not either. */
  | { readonly kind: "missing"; readonly parents: readonly Hash[] }
  /** Never in any log of this namespace. */
  | { readonly kind: "refused"; readonly because: string };

/**
 * `cut`: refused on the state of its ancestors, for ever. `concurrent`: void by a removal that its signer had not seen.
 * `order`: refused where it stands among the ops that count. The latter two may change while concurrent ops arrive.
 */
export type OpVerdict =
  | { readonly effective: true }
  | { readonly refused: Refusal; readonly because: string; readonly at: "cut" | "concurrent" | "order" };

/** What ops made here and now would come to. */
export interface Judged {
  /** One per op, in their order. */
  readonly verdicts: readonly OpVerdict[];
  /** After all of them. */
  readonly state: Namespace | undefined;
}

export interface History {
  /** The op that founded the namespace: the only one without parents that this log takes. */
  readonly genesis: Hash | undefined;
  readonly size: number;
  /** Ops that no other names as a parent, ascending. */
  readonly heads: readonly Hash[];
  /** Of all ops; undefined while there is none. */
  readonly state: Namespace | undefined;
  /** Takes an op whose form was checked before (`parseOp`, `checkForm`); parents come first. */
  add(op: LoggedOp): Added;
  has(hash: Hash): boolean;
  get(hash: Hash): LoggedOp | undefined;
  /** All ops in the canonical order, in which they are applied: parents before children, the same on every node. */
  ops(): readonly LoggedOp[];
  /** undefined where the op is not here. */
  verdict(hash: Hash): OpVerdict | undefined;
  /** The state of the ancestors of these ops and the ops themselves, the same on every node for ever; of none: undefined. */
  stateAt(position: readonly Hash[]): Namespace | undefined | "unknown";
  /** What `add` would make of ops that are made here now, each upon those before it; nothing is added. */
  judge(ops: readonly LoggedOp[]): Judged;
}

/** `genesis`: the founding op where it is known (by an invitation); absent, the first that comes is taken for it. */
export type OpenHistory = (crypto: Crypto, genesis?: Hash) => History;
