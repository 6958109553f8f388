/**
 * Who is on which topic, as this node was told by peers whose ids the transport has proven. Bounded in every direction: topics
 * of a peer, peers of a topic, all together, and in time. Topics are hashes: who does not know a topic learns nothing of it. Pure.
 */
import { below, type Random } from "@shoal/shared/base/random.ts";
import { minutes } from "@shoal/shared/base/time.ts";
import type { PeerId } from "../../contract.ts";

/** base64 of the topic's hash. */
export type TopicHash = string;

export const TTL = minutes(10);
export const BOUNDS = {
  topicsOfPeer: 8192,
  peersOfTopic: 256,
  total: 200_000,
  /** Peers of one topic in one answer, and of all its topics. */
  answerOfTopic: 16,
  answer: 256,
} as const;

export interface Registry {
  /** Those beyond a bound are left out; the oldest of a full topic makes room. */
  register(peer: PeerId, addresses: readonly string[], topics: readonly TopicHash[], now: number): void;
  /** Others on a topic, a random choice where there are many. */
  find(topic: TopicHash, asker: PeerId, now: number, random: Random): readonly PeerId[];
  addressesOf(peer: PeerId): readonly string[];
  sweep(now: number): void;
  readonly size: number;
}

interface Registrant {
  addresses: readonly string[];
  readonly topics: Set<TopicHash>;
}

export function createRegistry(): Registry {
  /** Peers of a topic and until when; in the order in which they came. */
  const topics = new Map<TopicHash, Map<PeerId, number>>();
  const registrants = new Map<PeerId, Registrant>();
  let size = 0;

  const remove = (topic: TopicHash, peer: PeerId): void => {
    const peers = topics.get(topic);
    if (peers?.delete(peer) !== true) return;
    size -= 1;
    if (peers.size === 0) topics.delete(topic);
    const registrant = registrants.get(peer);
    registrant?.topics.delete(topic);
    if (registrant?.topics.size === 0) registrants.delete(peer);
  };
  const add = (topic: TopicHash, peer: PeerId, registrant: Registrant, until: number): void => {
    const peers = topics.get(topic) ?? new Map<PeerId, number>();
    if (peers.delete(peer)) size -= 1;
    else if (registrant.topics.size >= BOUNDS.topicsOfPeer || size >= BOUNDS.total) return;
    const [oldest] = peers.keys();
    if (peers.size >= BOUNDS.peersOfTopic && oldest !== undefined) remove(topic, oldest);
    peers.set(peer, until);
    topics.set(topic, peers);
    registrant.topics.add(topic);
    size += 1;
  };

  return {
    register(peer, addresses, wanted, now) {
      const registrant = registrants.get(peer) ?? { addresses, topics: new Set() };
      registrant.addresses = addresses;
      for (const topic of wanted) add(topic, peer, registrant, now + TTL);
      if (registrant.topics.size > 0) registrants.set(peer, registrant);
    },
    find(topic, asker, now, random) {
      const others = [...(topics.get(topic) ?? [])].flatMap(([peer, until]) =>
        peer === asker || until <= now ? [] : [peer],
      );
      while (others.length > BOUNDS.answerOfTopic) others.splice(below(random, others.length), 1);
      return others;
    },
    addressesOf: (peer) => registrants.get(peer)?.addresses ?? [],
    sweep(now) {
      for (const [topic, peers] of topics) for (const [peer, until] of peers) if (until <= now) remove(topic, peer);
    },
    get size() {
      return size;
    },
  };
}
