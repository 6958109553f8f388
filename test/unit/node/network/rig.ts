/**
 * Real networks in one process, on TCP at the loopback address and ports of the system's choice. Nothing finds anything by
 * itself (no mDNS, no boot nodes) but what the test connects or configures.
 */
import { makeIdentity, type Identity } from "@shoal/node/config/identity.ts";
import { fileSchema } from "@shoal/node/config/sections.ts";
import type { Network, PeerId } from "@shoal/node/network/contract.ts";
import { startNetwork, type NetworkInit } from "@shoal/node/network/libp2p/start.ts";
import { createMemoryStore } from "@shoal/node/storage/memory-store.ts";
import type { Store } from "@shoal/node/storage/store.ts";
import { silentLog, type Log } from "@shoal/shared/base/log.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { eventually } from "../../../support/clock.ts";

type Sections = NetworkInit["config"]["network"];
/** Of one section: what differs from what a file without it says. */
type Some<T> = { readonly [K in keyof T]?: T[K] };

export interface PeerOptions {
  readonly identity?: Identity;
  readonly store?: Store;
  /** Multiaddresses; a TCP port of the system's choice by itself. */
  readonly listen?: readonly string[];
  readonly limits?: Some<Sections["swarm"]["limits"]>;
  readonly boot?: readonly string[];
  /** Sections of `[discovery]`, as the file would have them. */
  readonly discovery?: object;
  readonly log?: Log;
  readonly registry?: NetworkInit["registry"];
}

export interface Peer extends Network {
  readonly identity: Identity;
  readonly store: Store;
  /** The first address that it listens on. */
  readonly address: string;
}

export async function startPeer(options: PeerOptions = {}): Promise<Peer> {
  const { identity = makeIdentity(systemRandom), store = createMemoryStore(), log = silentLog, registry } = options;
  const network = await startNetwork({
    config: { identity, network: sectionsOf(options) },
    store,
    clock: systemClock,
    random: systemRandom,
    log,
    ...(registry === undefined ? {} : { registry }),
  });
  return { ...network, identity, store, address: network.status().listening[0] ?? "" };
}

/** `n` networks, each connected with each. */
export async function startPeers(n: number, options: PeerOptions = {}): Promise<readonly Peer[]> {
  const peers = await Promise.all(Array.from({ length: n }, () => startPeer(options)));
  for (const [at, peer] of peers.entries()) {
    for (const other of peers.slice(at + 1)) await peer.dial(other.address, seconds(10));
  }
  for (const peer of peers) await until(() => peer.peers().length === n - 1, "all are connected");
  return peers;
}

/** Subscribes all, and waits until each knows it of each. */
export async function onTopic(peers: readonly Network[], topic: string): Promise<void> {
  for (const peer of peers) await peer.subscribe(topic);
  for (const peer of peers) {
    const others = peers.filter(({ self }) => self !== peer.self).map(({ self }) => self);
    await until(() => others.every((id) => peer.subscribers(topic).includes(id)), `all are on ${topic}`);
  }
}

/** A promise of its being true; see `eventually`. */
export const until = (check: () => boolean, what: string): Promise<true> =>
  eventually(() => check() || undefined, what);

export const closeAll = async (peers: readonly Network[]): Promise<void> => {
  await Promise.all(peers.map((peer) => peer.close()));
};

/** Who is connected with `network`. */
export const idsOf = (network: Network): readonly PeerId[] => network.peers().map(({ peerId }) => peerId);

function sectionsOf({
  listen = ["/ip4/127.0.0.1/tcp/0"],
  limits = {},
  boot = [],
  discovery = {},
}: PeerOptions): Sections {
  const { shape } = fileSchema;
  return {
    swarm: shape.swarm.parse({ listen, limits }),
    bootstrap: shape.bootstrap.parse({ nodes: boot }),
    discovery: shape.discovery.parse({ mdns: false, ...discovery }),
  };
}
