/**
 * The state that a set of ops adds up to. The order is the DAG's: parents first, and of what may come next the smallest
 * hash, so that the same set gives the same state whatever order it arrived in. A refused op stays in the log and is passed
 * over: everybody refuses it alike.
 */
import type { Hash } from "../../model/ids.ts";
import { applyOp } from "./apply.ts";
import type { Crypto, Refusal } from "./case.ts";
import type { LoggedOp } from "./op.ts";
import type { Namespace } from "./state.ts";

export type { LoggedOp };

export interface Folded {
  readonly state: Namespace | undefined;
  /** Ops that no later op names as a parent, sorted. */
  readonly heads: readonly Hash[];
  readonly refused: readonly { readonly hash: Hash; readonly reason: Refusal }[];
  /** Ops that wait for parents nobody has handed in. */
  readonly waiting: readonly Hash[];
}

export function fold(ops: readonly LoggedOp[], crypto: Crypto): Folded {
  const byHash = new Map(ops.map((each) => [each.hash, each]));
  const missing = new Map<Hash, number>();
  const children = new Map<Hash, Hash[]>();
  for (const { hash, op } of byHash.values()) {
    const parents = new Set(op.parents);
    missing.set(hash, parents.size);
    for (const parent of parents) children.set(parent, [...(children.get(parent) ?? []), hash]);
  }
  const ready = [...missing].filter(([, count]) => count === 0).map(([hash]) => hash);
  const heads = new Set<Hash>();
  const refused: { hash: Hash; reason: Refusal }[] = [];
  let state: Namespace | undefined;
  for (;;) {
    ready.sort();
    const hash = ready.shift();
    if (hash === undefined) break;
    const logged = byHash.get(hash);
    if (logged === undefined) continue;
    const verdict = applyOp(state, logged.op, crypto);
    if ("state" in verdict) state = verdict.state;
    else refused.push({ hash, reason: verdict.refused.reason });
    for (const parent of logged.op.parents) heads.delete(parent);
    heads.add(hash);
    missing.delete(hash);
    for (const child of children.get(hash) ?? []) {
      const left = (missing.get(child) ?? 1) - 1;
      missing.set(child, left);
      if (left === 0) ready.push(child);
    }
  }
  return { state, heads: [...heads].sort(), refused, waiting: [...missing.keys()].sort() };
}
