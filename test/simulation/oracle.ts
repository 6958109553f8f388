/** The rules once more, from nothing: the same ops in orders of their own have to give what the nodes have. */
import { governanceCrypto, hashOf } from "@shoal/node/governance/crypto.ts";
import type { GovernanceReplica } from "@shoal/node/governance/replication.ts";
import { openHistory, type History } from "@shoal/node/governance/rules/history.ts";
import { parseOp } from "@shoal/node/governance/rules/parse.ts";
import { idOf, type GroupId, type Hash } from "@shoal/node/model/ids.ts";
import { below, type Random } from "@shoal/shared/base/random.ts";

/** A log of the same ops as the node's, added parents first and otherwise as chance has it. */
export async function historyOf(replica: GovernanceReplica, namespaceId: GroupId, random: Random): Promise<History> {
  const hashes = [...(await replica.ids(namespaceId)).items()].map(({ id }) => idOf<Hash>(id));
  const bodies = await replica.ops(namespaceId, hashes);
  const ops = bodies.flatMap((bytes) => (bytes === undefined ? [] : [parseOp(bytes)]));
  const left = ops.map((op) => ({ hash: hashOf(op), op }));
  const history = openHistory(governanceCrypto);
  while (left.length > 0) {
    const ready = left.filter(({ op }) => op.parents.every((parent) => history.has(parent)));
    const next = ready[below(random, ready.length)];
    if (next === undefined) throw new Error(`${left.length} ops of ${namespaceId} lack their parents`);
    history.add(next);
    left.splice(left.indexOf(next), 1);
  }
  return history;
}
