/**
 * Gossip for meshes of 2 to 100 nodes. A payload's name is the hash of topic and bytes, and nothing is signed here: what must be
 * signed is, by whoever wrote it, and signing each message twice costs four fifths of the speed.
 */
import type { GossipsubOpts } from "@libp2p/gossipsub";
import { minutes, seconds } from "@shoal/shared/base/time.ts";
import { sha256 } from "../../model/sha256.ts";
import { FLOOR } from "../scores.ts";
import { SIZES } from "./settings.ts";

/** So long the same bytes on the same topic are one message. Longer than any mesh needs to forget a message, shorter than a beat. */
const SEEN = seconds(25);

const encoder = new TextEncoder();

/** `topics`: those that this node has, as they are at any time. */
export function gossipOptions(topics: ReadonlySet<string>, scoreOf: (peer: string) => number): Partial<GossipsubOpts> {
  return {
    // Without it the library keeps and passes on what comes on topics that nobody here has.
    dataTransform: {
      inboundTransform(topic, data) {
        if (!topics.has(topic)) throw new Error("not a topic of this node");
        return data;
      },
      outboundTransform: (_, data) => data,
    },
    globalSignaturePolicy: "StrictNoSign",
    // Signed first and sequence numbers are absent, so the hash is all there is; the topic is in it, or one payload on two topics
    // would be heard on one.
    msgIdFn: ({ topic, data }) => sha256(encoder.encode(topic), ZERO, data).subarray(0, 20),
    D: 4,
    Dlo: 2,
    Dhi: 8,
    Dscore: 2,
    Dout: 1,
    Dlazy: 4,
    // The writer hands it to all subscribers that it has: in a small mesh nobody waits for a heartbeat.
    floodPublish: true,
    emitSelf: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    // Peers that have no other way to each other gossip over a relay.
    runOnLimitedConnection: true,
    seenTTL: SEEN,
    pruneBackoff: seconds(15),
    unsubcribeBackoff: seconds(2),
    fanoutTTL: minutes(1),
    maxOutboundBufferSize: SIZES.gossipOutbound,
    maxInboundDataLength: SIZES.gossipInbound,
    // A topic costs the library's budget about 1 KiB: this is for some 8,000 contexts.
    maxTopicBytesPerPeer: 8 * 1024 * 1024,
    maxInboundStreams: 4,
    maxOutboundStreams: 4,
    scoreParams: {
      // One standing for all that a peer does, kept in `scores.ts`.
      appSpecificScore: scoreOf,
      appSpecificWeight: 1,
      // More than ten nodes behind one address are an office, not an attack.
      IPColocationFactorWeight: 0,
      behaviourPenaltyWeight: -1,
      behaviourPenaltyThreshold: 6,
      behaviourPenaltyDecay: 0.9,
      retainScore: minutes(10),
    },
    scoreThresholds: {
      gossipThreshold: FLOOR * 0.5,
      publishThreshold: FLOOR * 0.7,
      graylistThreshold: FLOOR * 0.9,
      acceptPXThreshold: 1000,
      opportunisticGraftThreshold: 1,
    },
  };
}

const ZERO = Uint8Array.of(0);
