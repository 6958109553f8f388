/**
 * Gossip: topics, what is published, and the way of each message to the one judge. A message is looked at only where this node
 * has its topic, its peer keeps to its rate and there is room for it; everything else is dropped before it costs memory.
 */
import { TopicValidatorResult, type Message } from "@libp2p/gossipsub";
import type { PeerId as RawPeerId } from "@libp2p/interface";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { MAX_GOSSIP, type Gossip, type GossipVerdict, type Network, type PeerId } from "../contract.ts";
import { createBucket, type Bucket } from "../rate.ts";
import type { Offence } from "../scores.ts";
import type { Host } from "./host.ts";
import type { NetworkMetrics } from "./metrics.ts";
import { SIZES, type SwarmLimits } from "./settings.ts";

type Judge = (message: Gossip) => Promise<GossipVerdict>;

export interface GossipParts {
  readonly pubsub: Host["services"]["pubsub"];
  readonly topics: Set<string>;
  readonly limits: SwarmLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: NetworkMetrics;
  readonly offend: (peer: PeerId, offence: Offence, detail: string) => void;
}

export interface GossipFace extends Pick<
  Network,
  "subscribers" | "subscribe" | "unsubscribe" | "publish" | "onGossip"
> {
  /** A peer that is gone: its rate starts anew. */
  forget(peer: PeerId): void;
}

const RESULTS = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

/** The longest name of a topic, in UTF-16 units: a budget at every peer. */
const MAX_TOPIC = 256;

export function createGossip(parts: GossipParts): GossipFace {
  const { pubsub, topics, metrics } = parts;
  let judge: Judge | undefined;
  const watch = createWatch(parts);
  let judging = 0;

  const heard = async (from: RawPeerId, { topic, data: payload }: Message): Promise<TopicValidatorResult> => {
    const peer = from.toString();
    const early = watch(peer, payload);
    if (early !== undefined || judge === undefined || judging + payload.length > SIZES.judging) {
      metrics.gossipIn(early === "ignore" ? "flood" : (early ?? "ignore"), payload.length);
      return RESULTS[early ?? "ignore"];
    }
    judging += payload.length;
    let verdict: GossipVerdict = "ignore";
    try {
      verdict = await judge({ topic, from: peer, payload });
    } catch (err) {
      // Our own failure is nobody's fault.
      parts.log.error({ err, topic, peer }, "a gossip message could not be judged");
    } finally {
      judging -= payload.length;
    }
    metrics.gossipIn(verdict, payload.length);
    if (verdict === "reject") parts.offend(peer, "rejected", `a message on ${topic}`);
    return RESULTS[verdict];
  };

  return {
    subscribers: (topic) => pubsub.getSubscribers(topic).map(String),
    async subscribe(topic) {
      if (topic.length === 0 || topic.length > MAX_TOPIC)
        throw new ShoalError("invalid_argument", `a topic has 1 to ${MAX_TOPIC} characters`, { field: "topic" });
      if (topics.has(topic)) return;
      topics.add(topic);
      pubsub.topicValidators.set(topic, heard);
      pubsub.subscribe(topic);
    },
    async unsubscribe(topic) {
      if (!topics.delete(topic)) return;
      pubsub.unsubscribe(topic);
      pubsub.topicValidators.delete(topic);
    },
    async publish(topic, payload) {
      if (payload.length > MAX_GOSSIP)
        throw new ShoalError(
          "payload_too_large",
          `a gossip message has at most ${MAX_GOSSIP} bytes, not ${payload.length}`,
        );
      const { recipients } = await pubsub.publish(topic, payload);
      metrics.gossipOut(recipients.length, payload.length);
      return recipients.length;
    },
    onGossip: (next) => void (judge = next),
    forget: (peer) => watch.forget(peer),
  };
}

interface Watch {
  /** What is plain without looking into the payload; undefined: nothing. */
  (peer: PeerId, payload: Uint8Array): "reject" | "ignore" | undefined;
  forget(peer: PeerId): void;
}

function createWatch({ limits, clock, offend }: GossipParts): Watch {
  const rates = new Map<PeerId, { readonly messages: Bucket; readonly complaints: Bucket }>();
  const rateOf = (peer: PeerId): { readonly messages: Bucket; readonly complaints: Bucket } => {
    const known = rates.get(peer);
    if (known !== undefined) return known;
    const made = { messages: createBucket(limits.gossip_per_second), complaints: createBucket(1, 1) };
    rates.set(peer, made);
    return made;
  };
  const watch = (peer: PeerId, payload: Uint8Array): "reject" | "ignore" | undefined => {
    if (payload.length > MAX_GOSSIP) {
      offend(peer, "oversized", `gossip of ${payload.length} bytes`);
      return "reject";
    }
    const now = clock.monotonic();
    const { messages, complaints } = rateOf(peer);
    if (messages.take(1, now)) return undefined;
    // One for each second that it goes on: a burst costs little, a flood everything.
    if (complaints.take(1, now)) offend(peer, "flooding", `more than ${limits.gossip_per_second} messages per second`);
    return "ignore";
  };
  return Object.assign(watch, { forget: (peer: PeerId) => void rates.delete(peer) });
}
