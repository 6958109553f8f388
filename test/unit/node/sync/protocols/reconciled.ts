/** Two sets, reconciled by messages alone, with what that took. */
import type { Difference, IdItem, IdSet } from "@shoal/node/sync/protocols/contract.ts";
import { createIdSet } from "@shoal/node/sync/protocols/id-set.ts";
import { answerReconciliation, startReconciliation } from "@shoal/node/sync/protocols/reconcile.ts";
import type { ReconciliationOptions } from "@shoal/node/sync/protocols/reconcile.ts";
import { below, type Random } from "@shoal/shared/base/random.ts";
import { makeItems } from "./items.ts";

export interface Reconciled {
  readonly difference: Difference;
  readonly questions: number;
  /** In both directions. */
  readonly bytes: number;
}

/** `between` is called before each answer, to change what it likes. */
export function reconcile(
  asker: IdSet,
  peer: IdSet,
  options: ReconciliationOptions,
  between: (question: number) => void = () => {},
): Reconciled {
  const reconciliation = startReconciliation(asker, options);
  let questions = 0;
  let bytes = 0;
  for (let request = reconciliation.request(); request !== undefined; request = reconciliation.request()) {
    between(questions);
    const answer = answerReconciliation(peer, request);
    questions += 1;
    bytes += request.length + answer.length;
    reconciliation.answer(answer);
  }
  return { difference: reconciliation.difference, questions, bytes };
}

export type Pattern = "recent" | "random" | "clustered";

export interface Pair {
  readonly asker: readonly IdItem[];
  readonly peer: readonly IdItem[];
}

/**
 * Two sets of about `size` items, of which `difference` are in one only: half each. Recent: the newest; clustered: in runs of
 * up to 50 neighbours, as a partition leaves them.
 */
export function makePair(size: number, difference: number, pattern: Pattern, random: Random): Pair {
  const items = makeItems(size, random);
  const differing = differingOf(size, difference, pattern, random);
  const isAskers = new Map([...differing].map((at, nth) => [at, nth % 2 === 0]));
  return {
    asker: items.filter((_, at) => isAskers.get(at) ?? true),
    peer: items.filter((_, at) => !(isAskers.get(at) ?? false)),
  };
}

const RUN = 50;

function differingOf(size: number, difference: number, pattern: Pattern, random: Random): ReadonlySet<number> {
  const differing = new Set<number>();
  if (pattern === "recent") for (let at = size - difference; at < size; at++) differing.add(at);
  while (differing.size < difference) {
    const at = below(random, size);
    const run = pattern === "clustered" ? RUN : 1;
    for (let next = at; next < Math.min(size, at + run) && differing.size < difference; next++) differing.add(next);
  }
  return differing;
}

export const setsOf = ({ asker, peer }: Pair): readonly [IdSet, IdSet] => [createIdSet(asker), createIdSet(peer)];
