/** Handlers of `shared/src/wire/node/network.ts`. */
import type { networkEndpoints } from "@shoal/shared/wire/node/network.ts";
import type { NetworkClient } from "../../clients/network-client.ts";
import type { HandlersOf } from "../call.ts";

export function networkHandlers(network: NetworkClient): HandlersOf<typeof networkEndpoints> {
  return {
    "network.status": async () => {
      const { peerId, listening, peers, topics, blocked, reachability, relays } = await network.status();
      return {
        data: {
          peerId,
          listeningAddresses: [...listening],
          connectedPeers: peers,
          topics: [...topics],
          blocked: [...blocked],
          reachability,
          relays: [...relays],
        },
      };
    },
    "network.peers": async () => {
      const peers = await network.peerInfos();
      return { data: { peers: peers.map((peer) => ({ ...peer, addresses: [...peer.addresses] })) } };
    },
    "network.block": async ({ body }) => {
      await network.block(body.peerId);
      return { data: {} };
    },
    "network.unblock": async ({ body }) => {
      await network.unblock(body.peerId);
      return { data: {} };
    },
    "network.dial": async ({ body }) => ({ data: { peerId: await network.dial(body.address) } }),
  };
}
