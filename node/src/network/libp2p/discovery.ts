/**
 * How peers come to be connected, all of it: boot nodes, those of the last day, the local network, meeting places and the table.
 * Each way only names peers; one place dials them, and remembers whom it met.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import { milliseconds, timestamp, type Timestamp } from "@shoal/shared/base/time.ts";
import { multiaddr } from "@multiformats/multiaddr";
import type { PeerId } from "../contract.ts";
import { isLoopback, isRelayed, peerIn, withPeer } from "./addresses.ts";
import type { Channels } from "./channels.ts";
import type { GossipFace } from "./gossip.ts";
import { deadline } from "./failure.ts";
import type { Host } from "./host.ts";
import type { Peers } from "./peers.ts";
import { createRedial, type Redial } from "./redial.ts";
import { createSearch, type Search } from "./rendezvous/client.ts";
import { createMeeting } from "./rendezvous/server.ts";
import { forgetPeer, loadPeers, savePeer } from "./rows.ts";
import { ENOUGH_SUBSCRIBERS, RENDEZVOUS_PROTOCOL, TIMES, type NetworkInit } from "./settings.ts";
import type { Standing } from "./standing.ts";
import { createTable } from "./table.ts";

export interface DiscoveryParts {
  readonly init: NetworkInit;
  readonly host: Host;
  readonly peers: Peers;
  readonly channels: Channels;
  readonly gossip: GossipFace;
  readonly topics: ReadonlySet<string>;
  readonly standing: Standing;
}

export interface Discovery {
  /** A round: what is due is asked. Never rejects. */
  run(): Promise<void>;
  /** A topic was added, or a peer said what it speaks. */
  wake(): void;
  /** Forgets a peer that is not wanted any more. */
  forget(peer: PeerId): Promise<void>;
  /** One that was not wanted is wanted again. */
  welcome(peer: PeerId): void;
  close(): void;
}

/** Connections to neighbours that share no topic, which is known only after they were made. */
const NEIGHBOURS = 32;
/** Dials for a peer that another named: it may be long gone. */
const ATTEMPTS = 2;
/** For one that was lost and shares no topic, and for one that was met before the start. */
const [STRANGERS, CACHED] = [5, 12];
/** Between two times that a peer's row is written although nothing changed. */
const REFRESH = milliseconds(TIMES.cache / 24);

export async function startDiscovery(parts: DiscoveryParts): Promise<Discovery> {
  const { init, host, peers, standing } = parts;
  const { bootstrap } = init.config.network;
  const boot = byPeer(bootstrap.nodes);
  const redial = createRedial({
    dial: (peer, addresses) => dialOne(parts, peer, addresses),
    isSettled: (peer) =>
      peer === host.peerId.toString() || peers.connectionsOf(peer).length > 0 || standing.blocked.includes(peer),
    isRefused: (peer) => standing.isRefused(peer),
    isForever: (peer) => boot.has(peer),
    clock: init.clock,
    random: init.random.child("redial"),
  });
  const cache = await openCache(parts, redial);
  for (const [peer, addresses] of boot) redial.seek(peer, addresses, { atOnce: true });
  host.addEventListener("peer:discovery", ({ detail: { id, multiaddrs } }) => {
    if (peers.ids().length < NEIGHBOURS)
      redial.seek(id.toString(), multiaddrs.map(String), { attempts: ATTEMPTS, atOnce: true });
  });
  const { search, lookUp } = searches(parts, redial, [...boot.keys()]);
  peers.onPeer(({ type, peer }) => {
    if (type !== "disconnected") return;
    search.forget(peer);
    const addresses = [...(boot.get(peer) ?? []), ...peers.addressesOf(peer)];
    if (addresses.length === 0) return;
    const isShared =
      boot.has(peer) || [...parts.topics].some((topic) => parts.gossip.subscribers(topic).includes(peer));
    redial.seek(peer, addresses, isShared ? {} : { attempts: STRANGERS });
  });

  let asking: Promise<void> | undefined;
  let again = false;
  const ask = (): Promise<void> => {
    if (asking !== undefined) {
      again = true;
      return asking;
    }
    asking = search.run().finally(() => {
      asking = undefined;
      if (again) void ask();
      again = false;
    });
    return asking;
  };
  return {
    async run() {
      await Promise.all([ask(), lookUp()]);
    },
    // What is added in one breath is asked in one question.
    wake: () => void init.clock.sleep(milliseconds(20)).then(ask),
    forget: (peer) => cache.forget(peer),
    welcome(peer) {
      const addresses = [...(boot.get(peer) ?? []), ...peers.addressesOf(peer)];
      if (addresses.length > 0) redial.again(peer, addresses);
    },
    close: () => redial.close(),
  };
}

function searches(
  { init, host, peers, channels, gossip, topics, standing }: DiscoveryParts,
  redial: Redial,
  boot: readonly PeerId[],
): { readonly search: Search; readonly lookUp: () => Promise<void> } {
  const { clock, log } = init;
  const { namespace, discovery_rpm: perMinute, registrations_limit: places } = init.config.network.discovery.rendezvous;
  const onFound = (topic: string, peer: PeerId, addresses: readonly string[]): void => {
    if (gossip.subscribers(topic).length < ENOUGH_SUBSCRIBERS)
      redial.seek(peer, addresses, { attempts: ATTEMPTS, atOnce: true });
  };
  const isLonely = (topic: string): boolean => gossip.subscribers(topic).length === 0;
  const search = createSearch({
    namespace,
    pause: milliseconds(60_000 / perMinute),
    places,
    topics,
    candidates() {
      const able = peers.ids().filter((peer) => peers.speaks(peer, RENDEZVOUS_PROTOCOL));
      return [...able.filter((peer) => boot.includes(peer)), ...able.filter((peer) => !boot.includes(peer))];
    },
    addresses: () => host.getMultiaddrs().map(String),
    isLonely,
    open: (peer) => channels.open(peer, RENDEZVOUS_PROTOCOL, TIMES.dial),
    onFound,
    clock,
    log,
  });
  const meeting = createMeeting({
    clock,
    random: init.random.child("rendezvous"),
    isLocal: (peer) => peers.connectionsOf(peer).some(({ remoteAddr }) => isLoopback(remoteAddr.toString())),
    offend: (peer, offence, detail) => standing.offend(peer, offence, detail),
  });
  channels.handle(RENDEZVOUS_PROTOCOL, (channel) => meeting.serve(channel));
  peers.onPeer(({ type, peer }) => {
    if (type === "disconnected") meeting.forget(peer);
  });
  const lookUp = createTable({ host, namespace, lonely: () => [...topics].filter(isLonely), onFound, clock, log });
  return { search, lookUp };
}

interface Cache {
  forget(peer: PeerId): Promise<void>;
}

/** Peers that were met, in the store; those of the last day are dialled. */
async function openCache({ init, peers }: DiscoveryParts, redial: Redial): Promise<Cache> {
  const { store, clock, log } = init;
  const saved = new Map<PeerId, { readonly text: string; readonly at: Timestamp }>();
  const save = (peer: PeerId): void => {
    const addresses = peers.addressesOf(peer).filter((address) => !isRelayed(address));
    const [text, now] = [addresses.join(), clock.now()];
    const last = saved.get(peer);
    if (addresses.length === 0 || (last?.text === text && now - last.at < REFRESH)) return;
    saved.set(peer, { text, at: now });
    savePeer(store, { peer, addresses, seenAt: now }).catch((thrown: unknown) =>
      log.debug({ reason: messageOf(thrown) }, "a peer could not be remembered"),
    );
  };
  for (const { peer, addresses } of await loadPeers(store, clock.now(), TIMES.cache))
    redial.seek(peer, addresses, { attempts: CACHED, atOnce: true });
  peers.onSaid(save);
  peers.onPeer(({ type, peer }) => {
    if (type !== "disconnected") return;
    const last = saved.get(peer);
    // The time it was seen is what counts for how long it is dialled.
    if (last !== undefined) saved.set(peer, { ...last, at: timestamp(0) });
    save(peer);
    saved.delete(peer);
  });
  return { forget: (peer) => forgetPeer(store, peer) };
}

async function dialOne(
  { init, host, peers }: DiscoveryParts,
  peer: PeerId,
  addresses: readonly string[],
): Promise<void> {
  const usable = addresses.flatMap((address) => {
    try {
      return [multiaddr(withPeer(address, peer))];
    } catch {
      return [];
    }
  });
  if (usable.length === 0) throw new Error("no address");
  using limit = deadline(init.clock, TIMES.dial);
  await host.dial(usable, { signal: limit.signal });
  await peers.met(peer, limit.signal);
}

/** Addresses by the peer that they end in. */
function byPeer(addresses: readonly string[]): ReadonlyMap<PeerId, readonly string[]> {
  const found = new Map<PeerId, string[]>();
  for (const address of addresses) {
    const peer = peerIn(address);
    if (peer !== undefined) found.set(peer, [...(found.get(peer) ?? []), address]);
  }
  return found;
}
