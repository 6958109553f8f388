/**
 * The libp2p node: which parts, set how. Each number that differs from the library's own has its reason beside it, because each
 * was a way for small networks to fail.
 */
import { autoNATv2 } from "@libp2p/autonat-v2";
import { circuitRelayServer, circuitRelayTransport } from "@libp2p/circuit-relay-v2";
import { privateKeyFromRaw } from "@libp2p/crypto/keys";
import { dcutr } from "@libp2p/dcutr";
import { gossipsub } from "@libp2p/gossipsub";
import { identify } from "@libp2p/identify";
import type { ConnectionGater, PeerDiscovery } from "@libp2p/interface";
import type { AddressManager, TransportManager } from "@libp2p/interface-internal";
import { kadDHT, passthroughMapper } from "@libp2p/kad-dht";
import type { MulticastDNSComponents } from "@libp2p/mdns";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import { minutes, hours } from "@shoal/shared/base/time.ts";
import { isCarried } from "../../config/values.ts";
import { seedBytes } from "../../config/identity.ts";
import { bytesOf } from "../../model/ids.ts";
import { gossipOptions } from "./gossip-options.ts";
import { steadyMuxer } from "./muxer.ts";
import { AGENT, KAD_PROTOCOL, MDNS_TAG, SIZES, TIMES, type NetworkConfig } from "./settings.ts";

export interface HostParts {
  readonly config: NetworkConfig;
  readonly gater: ConnectionGater;
  /** Topics that this node has, as they are at any time. */
  readonly topics: ReadonlySet<string>;
  /** A peer's standing, for gossip's own choice of whom to talk to. */
  readonly scoreOf: (peer: string) => number;
}

/** Relayed connections are for those who have no other: enough for gossip and a sync, not for a life. */
const RELAY_LIMITS = {
  maxReservations: 128,
  defaultDurationLimit: hours(1),
  defaultDataLimit: BigInt(64 * 1024 * 1024),
};

/** Rejects where it cannot listen on what it was told to. */
export async function openHost({ config, gater, topics, scoreOf }: HostParts) {
  const { identity, network } = config;
  const { swarm, discovery } = network;
  const { limits } = swarm;
  return createLibp2p({
    privateKey: privateKeyFromRaw(Uint8Array.of(...seedBytes(identity), ...bytesOf(identity.publicKey))),
    nodeInfo: { name: AGENT, userAgent: AGENT },
    addresses: {
      listen: swarm.listen.filter(isCarried),
      appendAnnounce: [...discovery.external_address],
      maxObservedAddresses: discovery.autonat.max_candidates,
    },
    transports: [tcp(), webSockets(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      steadyMuxer(
        yamux({
          maxInboundStreams: limits.streams,
          maxOutboundStreams: limits.streams * 4,
          streamOptions: { initialStreamWindowSize: SIZES.windowFirst, maxStreamWindowSize: SIZES.windowMost },
        }),
      ),
    ],
    peerDiscovery: await discoveries(discovery.mdns),
    connectionGater: gater,
    connectionManager: {
      // The gater counts directions; beyond both together nobody is pruned, because nobody more is let in.
      maxConnections: limits.inbound + limits.outbound,
      // The library lets 5 per second and address in, and 10 altogether wait: neighbours shut each other out.
      inboundConnectionThreshold: limits.inbound_per_second,
      maxIncomingPendingConnections: limits.handshakes,
      inboundUpgradeTimeout: TIMES.handshake,
      dialTimeout: TIMES.dial,
      addressDialTimeout: TIMES.dialAddress,
      // Whom to dial again is decided in `redial.ts`, with jitter.
      reconnectRetries: 0,
    },
    connectionMonitor: {
      pingInterval: TIMES.ping,
      pingTimeout: { minTimeout: TIMES.pingLeast, maxTimeout: TIMES.pingMost },
    },
    services: {
      identify: identify(),
      ping: ping(),
      pubsub: gossipsub(gossipOptions(topics, scoreOf)),
      dht: kadDHT({
        protocol: KAD_PROTOCOL,
        // A table of clients is an empty table: whoever can be dialled serves.
        clientMode: swarm.listen.length === 0,
        peerInfoMapper: passthroughMapper,
        allowQueryWithZeroPeers: true,
        querySelfInterval: minutes(15),
      }),
      autonat: autoNATv2({ refreshInterval: discovery.autonat.probe_interval }),
      dcutr: dcutr(),
      ...(discovery.relay.serve ? { relay: circuitRelayServer({ reservations: RELAY_LIMITS }) } : {}),
      // The library shows its address and transport managers to services only.
      inside: ({ addressManager, transportManager }: Inside): Inside => ({ addressManager, transportManager }),
    },
  });
}

export type Host = Awaited<ReturnType<typeof openHost>>;

interface Inside {
  readonly addressManager: AddressManager;
  readonly transportManager: TransportManager;
}

/** Not loaded where it is not wanted: it brings a DNS server of its own. */
async function discoveries(isWanted: boolean): Promise<((components: MulticastDNSComponents) => PeerDiscovery)[]> {
  if (!isWanted) return [];
  const { mdns } = await import("@libp2p/mdns");
  return [mdns({ serviceTag: MDNS_TAG, interval: TIMES.mdns })];
}
