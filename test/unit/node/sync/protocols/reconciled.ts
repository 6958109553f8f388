/** Two sets, reconciled by messages alone, with what that took. */
import type { Difference, IdSet } from "@shoal/node/sync/protocols/contract.ts";
import { createIdSet } from "@shoal/node/sync/protocols/id-set.ts";
import { answerReconciliation, startReconciliation } from "@shoal/node/sync/protocols/reconcile.ts";
import type { ReconciliationOptions } from "@shoal/node/sync/protocols/reconcile.ts";
import type { Pair } from "./pairs.ts";

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

export const setsOf = ({ asker, peer }: Pair): readonly [IdSet, IdSet] => [createIdSet(asker), createIdSet(peer)];
