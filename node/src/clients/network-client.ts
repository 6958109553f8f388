/** What the node's faces ask of its network. */
import { seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Network, NetworkStatus, PeerId, PeerInfo } from "../network/contract.ts";

/** How long a person who dials waits. */
const DIAL_WITHIN: DurationMs = seconds(15);

export interface NetworkClient {
  peers(): Promise<readonly PeerId[]>;
  peerInfos(): Promise<readonly PeerInfo[]>;
  status(): Promise<NetworkStatus>;
  /** Cuts a peer off and refuses it until it is unblocked, also after a restart. */
  block(peer: PeerId): Promise<void>;
  unblock(peer: PeerId): Promise<void>;
  /** Rejects `unavailable` or `deadline_exceeded` where the peer does not answer, `invalid_argument` for no address. */
  dial(address: string): Promise<PeerId>;
}

type Asked = Pick<Network, "peers" | "status" | "block" | "unblock" | "dial">;

export function networkClient(network: Asked): NetworkClient {
  return {
    peers: async () => network.peers().map(({ peerId }) => peerId),
    peerInfos: async () => network.peers(),
    status: async () => network.status(),
    block: (peer) => network.block(peer),
    unblock: (peer) => network.unblock(peer),
    dial: (address) => network.dial(address, DIAL_WITHIN),
  };
}
