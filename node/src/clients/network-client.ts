/** What the node's faces ask of its network. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Recipient } from "../actors/actor.ts";
import type { Network, NetworkStatus, PeerId, PeerInfo } from "../network/contract.ts";
import type { NetworkMessage } from "../network/messages.ts";

/** How long a person who dials waits. */
const DIAL_WITHIN: DurationMs = seconds(15);

export interface NetworkClient {
  subscribe(topic: string): Promise<void>;
  unsubscribe(topic: string): Promise<void>;
  peers(): Promise<readonly PeerId[]>;
  peerInfos(): Promise<readonly PeerInfo[]>;
  status(): Promise<NetworkStatus>;
  /** Cuts a peer off and refuses it until it is unblocked, also after a restart. */
  block(peer: PeerId): Promise<void>;
  unblock(peer: PeerId): Promise<void>;
  /** Rejects `unavailable` or `deadline_exceeded` where the peer does not answer, `invalid_argument` for no address. */
  dial(address: string): Promise<PeerId>;
}

type Asked = Pick<Network, "subscribe" | "unsubscribe" | "peers" | "status" | "block" | "unblock" | "dial">;

export function networkClient(network: Asked): NetworkClient {
  return {
    subscribe: (topic) => network.subscribe(topic),
    unsubscribe: (topic) => network.unsubscribe(topic),
    peers: async () => network.peers().map(({ peerId }) => peerId),
    peerInfos: async () => network.peers(),
    status: async () => network.status(),
    block: (peer) => network.block(peer),
    unblock: (peer) => network.unblock(peer),
    dial: (address) => network.dial(address, DIAL_WITHIN),
  };
}

/** Of a node that stands alone. */
export function lonelyNetwork(manager: Recipient<NetworkMessage>): NetworkClient {
  const alone = async (): Promise<never> => {
    throw new ShoalError("unavailable", "this node stands alone");
  };
  return {
    subscribe: (topic) => manager.send({ type: "Subscribe", topic }),
    unsubscribe: (topic) => manager.send({ type: "Unsubscribe", topic }),
    peers: async () => [],
    peerInfos: async () => [],
    status: async () => {
      const { peerId, listening, peers } = await manager.send({ type: "GetStatus" });
      return { peerId, listening, peers, topics: [], blocked: [], reachability: "unknown", relays: [] };
    },
    block: alone,
    unblock: alone,
    dial: alone,
  };
}
