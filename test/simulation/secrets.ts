/**
 * What was said under seal, and who was not to understand it: those that the speaker knew to have been in and to be in no
 * more. Who comes in is given the keys of what went before, so it is only after a removal that seals keep somebody out; and
 * from those who never came in at all.
 */
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
  /** Accounts that were not to understand it; those that any speaker lets in again later are taken out. */
  readonly not: Set<PublicKey>;
}

export interface Leaks {
  /** How often somebody was tried on what was not for him. */
  readonly tried: number;
  readonly leak?: string;
}

export class Secrets {
  readonly #said: Said[] = [];
  /** By topic: accounts that somebody honest has ever known to be in. */
  readonly #everIn = new Map<string, Set<PublicKey>>();

  published({ nodes, honest }: Simulation, peer: string, topic: string, payload: Uint8Array): void {
    const by = honest.find(({ peerId }) => peerId === peer);
    const scope = subjectOf(topic);
    const replica = by?.running?.governance.replica;
    if (by === undefined || scope === undefined || replica === undefined) return;
    const message = decodeGossip(payload);
    if (message.type === "digest") return;
    const everIn = this.#everIn.get(topic) ?? new Set();
    this.#everIn.set(topic, everIn);
    const not = new Set<PublicKey>();
    for (const { account } of nodes) {
      const who = account.publicKey;
      if (!isIn(replica, scope, who)) {
        if (everIn.has(who)) not.add(who);
        continue;
      }
      everIn.add(who);
    }
    this.#said.push({ scope, topic, type: message.type, sealed: message.sealed, by, not });
  }

  /** Who was let in, again or at last, is given the keys of what went before. */
  logGrew({ nodes }: Simulation, { running }: SimNode): void {
    const replica = running?.governance.replica;
    if (replica === undefined) return;
    for (const { scope, topic, not } of this.#said) {
      for (const { account } of nodes) {
        if (!isIn(replica, scope, account.publicKey)) continue;
        not.delete(account.publicKey);
        this.#everIn.get(topic)?.add(account.publicKey);
      }
    }
  }

  /** Whoever understands what was not for them. */
  leak({ nodes, honest, watch }: Simulation): Leaks {
    let tried = 0;
    for (const { account, running, name } of nodes) {
      const who = account.publicKey;
      const replica = running?.governance.replica;
      if (replica === undefined) continue;
      for (const { scope, topic, type, sealed, by, not } of this.#said) {
        const isStranger = !watch.members.has(who);
        if (by.account.publicKey === who || !(isStranger || not.has(who))) continue;
        const letIn = honest.some((node) => {
          const theirs = node.running?.governance.replica;
          return theirs !== undefined && isIn(theirs, scope, who);
        });
        if (letIn) continue;
        tried += 1;
        if (understands(replica, scope, sealed, aadOf(topic, type))) {
          const what = `what ${by.name} said on ${topic}`;
          return { tried, leak: `${name} understands ${what} when it knew ${name} to be in no more` };
        }
      }
    }
    return { tried };
  }
}

function isIn(replica: GovernanceReplica, scope: KeyScope, who: PublicKey): boolean {
  if (scope.type === "namespace") return replica.belongs(scope.namespaceId, who);
  return replica.rightNow(scope.contextId, who) !== "none";
}

function understands(replica: GovernanceReplica, scope: KeyScope, sealed: Sealed, aad: Uint8Array): boolean {
  try {
    return replica.open(scope, sealed, aad) !== undefined;
  } catch {
    return false;
  }
}
