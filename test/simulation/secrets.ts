/** What was said under seal, and who was not to understand it: those that the speaker knew to have no right (any more). */
import type { GovernanceReplica, KeyScope, Sealed } from "@shoal/node/governance/replication.ts";
import type { PublicKey } from "@shoal/node/model/ids.ts";
import { aadOf } from "@shoal/node/sync/tell.ts";
import { decodeGossip, subjectOf, type GossipMessage } from "@shoal/node/sync/wire.ts";
import type { SimNode } from "./sim-node.ts";
import type { Simulation } from "./simulation.ts";

interface Said {
  readonly scope: KeyScope;
  readonly topic: string;
  readonly type: GossipMessage["type"];
  readonly sealed: Sealed;
  readonly by: SimNode;
  /** Accounts that were not to understand it. */
  readonly not: ReadonlySet<PublicKey>;
}

export class Secrets {
  readonly #said: Said[] = [];

  published({ nodes, honest }: Simulation, peer: string, topic: string, payload: Uint8Array): void {
    const by = honest.find(({ peerId }) => peerId === peer);
    const scope = subjectOf(topic);
    const governance = by?.running?.governance;
    if (by === undefined || scope === undefined || governance === undefined) return;
    const message = decodeGossip(payload);
    if (message.type === "digest") return;
    const not = nodes
      .map(({ account }) => account.publicKey)
      .filter((who) =>
        scope.type === "context"
          ? governance.replica.rightNow(scope.contextId, who) === "none"
          : !governance.replica.belongs(scope.namespaceId, who),
      );
    this.#said.push({ scope, topic, type: message.type, sealed: message.sealed, by, not: new Set(not) });
  }

  /** Whoever understands what was not for them; `tried` counts what they were tried on. */
  leak(nodes: readonly SimNode[]): { readonly tried: number; readonly leak?: string } {
    let tried = 0;
    for (const { account, running, name } of nodes) {
      const replica = running?.governance.replica;
      if (replica === undefined) continue;
      for (const { scope, topic, type, sealed, by, not } of this.#said) {
        if (!not.has(account.publicKey) || by.account.publicKey === account.publicKey) continue;
        const isIn =
          scope.type === "context"
            ? replica.rightNow(scope.contextId, account.publicKey) !== "none"
            : replica.belongs(scope.namespaceId, account.publicKey);
        // Let in again since, and given the keys of what went before.
        if (isIn) continue;
        tried += 1;
        if (understands(replica, scope, sealed, aadOf(topic, type)))
          return { tried, leak: `${name} understands what ${by.name} said when it knew ${name} to have no right` };
      }
    }
    return { tried };
  }
}

function understands(replica: GovernanceReplica, scope: KeyScope, sealed: Sealed, aad: Uint8Array): boolean {
  try {
    return replica.open(scope, sealed, aad) !== undefined;
  } catch {
    return false;
  }
}
