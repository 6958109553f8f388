/** The network on libp2p, put together: the host, who may talk to it, gossip, channels, discovery, and the upkeep of all that. */
import { multiaddr } from "@multiformats/multiaddr";
import { peerIdFromString } from "@libp2p/peer-id";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { peerIdOf } from "../../config/identity.ts";
import type { Network, NetworkStatus, PeerId } from "../contract.ts";
import { createChannels, type Channels } from "./channels.ts";
import { startDiscovery, type Discovery } from "./discovery.ts";
import { deadline, failureOf } from "./failure.ts";
import { createGater } from "./gater.ts";
import { createGossip, type GossipFace } from "./gossip.ts";
import { openHost, type Host } from "./host.ts";
import { createMender } from "./mend.ts";
import { createMetrics, type NetworkMetrics } from "./metrics.ts";
import { createPeers, type Peers } from "./peers.ts";
import { reachabilityOf, relaysOf } from "./reachability.ts";
import { createRelays } from "./relays.ts";
import { TIMES, type NetworkInit } from "./settings.ts";
import { createStanding, type Standing } from "./standing.ts";
import { createThrottle } from "./throttle.ts";
import { createVisitors } from "./visitors.ts";

interface Parts {
  readonly init: NetworkInit;
  readonly host: Host;
  readonly standing: Standing;
  readonly topics: Set<string>;
  readonly peers: Peers;
  readonly gossip: GossipFace;
  readonly channels: Channels;
  readonly metrics: NetworkMetrics;
}

/** Rejects `unavailable` where it cannot listen, `invalid_argument` where the key is none. */
export async function openNetwork(init: NetworkInit): Promise<Network> {
  const parts = await openParts(init);
  const { host, peers, init: own } = parts;
  const stop = new AbortController();
  const discovery = await startDiscovery(parts);
  const upkeep = keepUp(parts, discovery, stop.signal);
  peers.onSaid(() => discovery.wake());
  own.log.info({ peer: host.peerId.toString(), listening: host.getMultiaddrs().map(String) }, "the network is open");
  return faceOf(parts, discovery, async () => {
    stop.abort();
    discovery.close();
    await host.stop();
    await upkeep;
  });
}

async function openParts(init: NetworkInit): Promise<Parts> {
  const { config, store, clock, log } = init;
  const { limits } = config.network.swarm;
  const topics = new Set<string>();
  let host: Host | undefined;
  const opened: { channels?: Channels } = {};
  const metrics = createMetrics(init.registry, {
    peers: () => host?.getPeers().length ?? 0,
    channels: () => opened.channels?.count ?? 0,
  });
  const standing = await createStanding({
    self: peerIdOf(config.identity.publicKey),
    store,
    clock,
    log,
    onOffence: metrics.offence,
    hangUp: (peer) => {
      for (const connection of host?.getConnections(peerIdFromString(peer)) ?? [])
        connection.abort(new Error("not wanted here"));
    },
  });
  const connections = () => host?.getConnections() ?? [];
  const visitors = createVisitors(
    connections,
    (peer) => hasTopicWith(host, topics, peer),
    () => topics.size > 0,
    clock,
  );
  const gater = createGater({
    limits,
    connections,
    isRefused: (peer) => standing.isRefused(peer),
    makeRoom: visitors.makeRoom,
    onRefused: metrics.refused,
  });
  try {
    host = await openHost({ config, gater, topics, scoreOf: (peer) => standing.scoreOf(peer) });
  } catch (thrown) {
    throw failureOf(thrown, "the network cannot be opened");
  }
  const offend: Standing["offend"] = (peer, offence, detail) => standing.offend(peer, offence, detail);
  const peers = createPeers(host, (peer) => standing.scoreOf(peer));
  const { pubsub } = host.services;
  const gossip = createGossip({ pubsub, topics, limits, clock, log, metrics, offend });
  const channels = (opened.channels = createChannels({ host, limits, clock, log, metrics, offend }));
  return { init, host, standing, topics, peers, gossip, channels, metrics };
}

function hasTopicWith(host: Host | undefined, topics: ReadonlySet<string>, peer: PeerId): boolean {
  return [...topics].some((topic) => host?.services.pubsub.getSubscribers(topic).some((id) => id.toString() === peer));
}

/** Looks after what the library does once and forgets, until the signal. */
async function keepUp({ init, host, peers, gossip }: Parts, discovery: Discovery, signal: AbortSignal): Promise<void> {
  const { clock, log, config } = init;
  const random = init.random.child("upkeep");
  const { relay, rendezvous } = config.network.discovery;
  const mend = createMender(host, peers);
  const reserve = createRelays(host, peers, { limit: relay.registrations_limit, clock, log });
  const throttle = createThrottle(peers, config.network.swarm.limits.gossip_bytes_per_second, clock);
  host.addEventListener("connection:close", ({ detail }) => void mend(detail.remotePeer.toString()));
  peers.onPeer(({ type, peer }) => {
    if (type === "disconnected") gossip.forget(peer);
    // The first thing that is heard of a peer: the library reads its stream by now.
    if (type === "subscribed") throttle(peer);
  });
  let searchedAt = clock.monotonic();
  while (!signal.aborted) {
    try {
      await clock.sleep(milliseconds(TIMES.upkeep * (0.75 + random.next() / 2)), signal);
    } catch {
      return;
    }
    throttle();
    await Promise.all([mend(), reserve()]);
    const now = clock.monotonic();
    if (now - searchedAt < rendezvous.discovery_interval) continue;
    searchedAt = now;
    await discovery.run();
  }
}

function faceOf(parts: Parts, discovery: Discovery, close: () => Promise<void>): Network {
  const { init, host, standing, topics, peers, gossip, channels } = parts;
  let closed: Promise<void> | undefined;
  return {
    self: host.peerId.toString(),
    peers: () => peers.infos(),
    subscribers: (topic) => gossip.subscribers(topic),
    async subscribe(topic) {
      await gossip.subscribe(topic);
      discovery.wake();
    },
    unsubscribe: (topic) => gossip.unsubscribe(topic),
    publish: (topic, payload) => gossip.publish(topic, payload),
    onGossip: (judge) => gossip.onGossip(judge),
    open: (peer, protocol, within) => channels.open(peer, protocol, within),
    handle: (protocol, serve) => channels.handle(protocol, serve),
    onPeer: (listener) => peers.onPeer(listener),
    async dial(address, within) {
      using limit = deadline(init.clock, within);
      try {
        const connection = await host.dial(multiaddr(address), { signal: limit.signal });
        const peer = connection.remotePeer.toString();
        await peers.met(peer, limit.signal);
        return peer;
      } catch (thrown) {
        throw failureOf(thrown, `dialling ${address}`, limit);
      }
    },
    report: (peer, fault, detail) => standing.offend(peer, fault, detail),
    async block(peer) {
      await standing.block(peer);
      await discovery.forget(peer);
    },
    async unblock(peer) {
      await standing.unblock(peer);
      discovery.welcome(peer);
    },
    status: (): NetworkStatus => ({
      peerId: host.peerId.toString(),
      listening: host.getMultiaddrs().map(String),
      peers: host.getPeers().length,
      topics: [...topics].sort(),
      blocked: standing.blocked,
      reachability: reachabilityOf(host),
      relays: relaysOf(host),
    }),
    close: () => (closed ??= close()),
  };
}
