/**
 * What was made here goes out as it is made: deltas and presence on their context's topic, ops on their namespace's, sealed for
 * who may read. Nothing depends on its arriving: a digest follows, and whoever missed it asks.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { CommittedDelta } from "../context/replica.ts";
import type { KeyScope } from "../governance/replication.ts";
import type { ContextId, GroupId } from "../model/ids.ts";
import { MAX_GOSSIP, type PeerId } from "../network/contract.ts";
import { frames } from "./bodies.ts";
import { introduced } from "./introduce.ts";
import { encodePresence } from "./presence.ts";
import { PeerRefusal } from "./session.ts";
import type { SyncParts } from "./parts.ts";
import type { Sessions } from "./sessions.ts";
import { digestOf } from "./state.ts";
import { contextTopic, encodeGossip, namespaceTopic, type GossipMessage } from "./wire.ts";

/** What a sealed message takes beside its plaintext. */
const SEALING = 256;

export interface Teller {
  readonly delta: (delta: CommittedDelta) => Promise<void>;
  readonly presence: (contextId: ContextId, state: Uint8Array) => Promise<void>;
  /** Gossips ops, and hands them to members who acknowledge that they have them; resolves with how many did. */
  readonly ops: (namespaceId: GroupId, ops: readonly Uint8Array[]) => Promise<number>;
  /** Says how a context or namespace stands here. */
  readonly digest: (subject: KeyScope) => Promise<void>;
}

export function createTeller(parts: SyncParts, sessions: Sessions): Teller {
  const { network, governance, contexts, account, clock, settings, log } = parts;

  const sealed = async (
    type: "delta" | "ephemeral" | "op",
    scope: KeyScope,
    topic: string,
    plain: Uint8Array,
  ): Promise<GossipMessage> => ({ type, sealed: await governance.seal(scope, plain, aadOf(topic, type)) });

  const acknowledge = async (peer: PeerId, namespaceId: GroupId, ops: readonly Uint8Array[]): Promise<boolean> => {
    try {
      await sessions.with(peer, async (session) => {
        for (const group of frames(ops)) {
          const hand = () => session.ask("pushOps", { namespaceId, ops: group });
          await introduced(parts, session, namespaceId, hand);
        }
      });
      return true;
    } catch (err) {
      if (!(err instanceof PeerRefusal)) log.debug({ namespace: namespaceId, peer, err }, "a peer took no ops");
      return false;
    }
  };

  const digest = async (subject: KeyScope): Promise<void> => {
    const isContext = subject.type === "context";
    const topic = isContext ? contextTopic(subject.contextId) : namespaceTopic(subject.namespaceId);
    if (network.subscribers(topic).length === 0) return;
    const summary = isContext ? contexts.summary(subject.contextId) : undefined;
    if (isContext && summary?.isInitialized !== true) return;
    const heads = isContext ? (summary?.heads ?? []) : governance.heads(subject.namespaceId);
    await network.publish(topic, encodeGossip({ type: "digest", digest: digestOf(summary?.root, heads) }));
  };

  return {
    digest,

    async delta({ contextId, bytes }) {
      const topic = contextTopic(contextId);
      const scope: KeyScope = { type: "context", contextId };
      if (bytes.length + SEALING > MAX_GOSSIP) return digest(scope);
      try {
        await network.publish(topic, encodeGossip(await sealed("delta", scope, topic, bytes)));
      } catch (err) {
        if (!(err instanceof ShoalError)) throw err;
        // No key yet, or no room: peers ask for it when they hear how the context stands.
        log.debug({ context: contextId, err }, "a delta was not told");
        await digest(scope);
      }
    },

    async presence(contextId, state) {
      const topic = contextTopic(contextId);
      const plain = encodePresence(account, contextId, { atMs: clock.now(), state });
      const message = await sealed("ephemeral", { type: "context", contextId }, topic, plain);
      await network.publish(topic, encodeGossip(message));
    },

    async ops(namespaceId, ops) {
      const topic = namespaceTopic(namespaceId);
      const members = network.subscribers(topic).slice(0, settings.acknowledging);
      const acknowledged = Promise.all(members.map((peer) => acknowledge(peer, namespaceId, ops)));
      try {
        const scope: KeyScope = { type: "namespace", namespaceId };
        for (const op of ops) {
          if (op.length + SEALING > MAX_GOSSIP) continue;
          await network.publish(topic, encodeGossip(await sealed("op", scope, topic, op)));
        }
      } catch (err) {
        // Who just joined has no key yet; the peers that it handed its ops to tell the others.
        log.debug({ namespace: namespaceId, err }, "ops were handed over and not gossiped");
      }
      return (await acknowledged).filter(Boolean).length;
    },
  };
}

/** What a sealed message is bound to: where it was said, and as what. */
export function aadOf(topic: string, type: GossipMessage["type"]): Uint8Array {
  return new TextEncoder().encode(`${topic}\0${type}`);
}
