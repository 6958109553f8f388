/** Who is connected, what they said of themselves, and who is told when that changes. */
import type { Connection } from "@libp2p/interface";
import type { PeerEvent, PeerId, PeerInfo } from "../contract.ts";
import { isRelayed } from "./addresses.ts";
import type { Host } from "./host.ts";
import { ADDRESSES } from "./rows.ts";

export interface Peers {
  infos(): readonly PeerInfo[];
  ids(): readonly PeerId[];
  /** Where the peer can be reached, as it says, or as it was. */
  addressesOf(peer: PeerId): readonly string[];
  /** Whether the peer said that it speaks a protocol. */
  speaks(peer: PeerId, protocol: string): boolean;
  connectionsOf(peer: PeerId): readonly Connection[];
  onPeer(listener: (event: PeerEvent) => void): () => void;
  /** Resolves when the peer has said what it is: only then did it let this node in. Rejects where it goes before, or the signal is given. */
  met(peer: PeerId, signal: AbortSignal): Promise<void>;
  /** What a peer says of itself was heard, or heard anew. */
  onSaid(listener: (peer: PeerId) => void): void;
}

interface Said {
  readonly addresses: readonly string[];
  readonly protocols: ReadonlySet<string>;
}

export function createPeers(host: Host, scoreOf: (peer: PeerId) => number): Peers {
  const said = new Map<PeerId, Said>();
  /** Those that have said so on what they are connected by now; the library remembers what others said long ago. */
  const present = new Set<PeerId>();
  const awaiting = new Set<(peer: PeerId) => void>();
  const listeners = new Set<(event: PeerEvent) => void>();
  const hearers = new Set<(peer: PeerId) => void>();
  const tell = (event: PeerEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const connectionsOf = (peer: PeerId): readonly Connection[] =>
    host.getConnections().filter(({ remotePeer, status }) => status === "open" && remotePeer.toString() === peer);

  host.addEventListener("peer:connect", ({ detail }) => tell({ type: "connected", peer: detail.toString() }));
  host.addEventListener("peer:disconnect", ({ detail }) => {
    tell({ type: "disconnected", peer: detail.toString() });
    said.delete(detail.toString());
    present.delete(detail.toString());
  });
  host.addEventListener("peer:identify", ({ detail: { peerId } }) => {
    present.add(peerId.toString());
    for (const one of awaiting) one(peerId.toString());
  });
  host.addEventListener("peer:update", ({ detail: { peer } }) => {
    const id = peer.id.toString();
    // The library keeps books on peers that are not here as well.
    if (connectionsOf(id).length === 0) return;
    const addresses = peer.addresses.slice(0, ADDRESSES).map(({ multiaddr }) => multiaddr.toString());
    said.set(id, { addresses, protocols: new Set(peer.protocols) });
    for (const hearer of hearers) hearer(id);
  });
  host.services.pubsub.addEventListener("subscription-change", ({ detail: { peerId, subscriptions } }) => {
    for (const { topic, subscribe } of subscriptions)
      tell({ type: subscribe ? "subscribed" : "unsubscribed", peer: peerId.toString(), topic });
  });

  const infoOf = (peer: PeerId, connections: readonly Connection[]): PeerInfo | undefined => {
    const [first] = [...connections].sort((a, b) => a.timeline.open - b.timeline.open);
    if (first === undefined) return undefined;
    const pings = connections.flatMap(({ rtt }) => (rtt === undefined ? [] : [rtt]));
    return {
      peerId: peer,
      addresses: [
        ...new Set([
          ...connections.map(({ remoteAddr }) => remoteAddr.toString()),
          ...(said.get(peer)?.addresses ?? []),
        ]),
      ],
      direction: first.direction,
      connectedAtMs: first.timeline.open,
      score: scoreOf(peer),
      relayed: connections.every(({ remoteAddr }) => isRelayed(remoteAddr.toString())),
      ...(pings.length === 0 ? {} : { latencyMs: Math.min(...pings) }),
    };
  };

  const onPeer: Peers["onPeer"] = (listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };

  return {
    infos: () => host.getPeers().flatMap((id) => infoOf(id.toString(), connectionsOf(id.toString())) ?? []),
    ids: () => host.getPeers().map(String),
    addressesOf: (peer) => said.get(peer)?.addresses ?? [],
    speaks: (peer, protocol) => said.get(peer)?.protocols.has(protocol) ?? false,
    connectionsOf,
    onPeer,
    met: async (peer, signal) => {
      if (present.has(peer)) return;
      const isGone = (): boolean => connectionsOf(peer).length === 0;
      await meeting({ peer, signal, awaiting, onPeer, isGone });
    },
    onSaid: (hearer) => void hearers.add(hearer),
  };
}

interface Meeting {
  readonly peer: PeerId;
  readonly signal: AbortSignal;
  /** Called with each peer that says what it is. */
  readonly awaiting: Set<(peer: PeerId) => void>;
  readonly onPeer: Peers["onPeer"];
  readonly isGone: () => boolean;
}

function meeting({ peer, signal, awaiting, onPeer, isGone }: Meeting): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const settle = (end: () => void): void => {
      awaiting.delete(one);
      leave();
      signal.removeEventListener("abort", late);
      end();
    };
    const one = (who: PeerId): void => {
      if (who === peer) settle(resolve);
    };
    const gone = (): void => settle(() => reject(new Error("it hung up")));
    const late = (): void => settle(() => reject(signal.reason as Error));
    const leave = onPeer(({ type, peer: who }) => {
      if (type === "disconnected" && who === peer) gone();
    });
    awaiting.add(one);
    signal.addEventListener("abort", late);
    if (signal.aborted) late();
    else if (isGone()) gone();
  });
}
