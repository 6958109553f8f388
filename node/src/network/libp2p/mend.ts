/**
 * Gossip goes over one stream each way with each peer, and the library opens it once. Where it ends and the connection does not
 * (a second connection closed, a relayed one gave way to a direct one, a buffer overflowed), the two would never gossip again and
 * nothing would say so. Introducing oneself anew makes the library open it anew.
 */
import type { Connection } from "@libp2p/interface";
import type { Host } from "./host.ts";
import type { Peers } from "./peers.ts";

const isGossip = (protocol: string): boolean => protocol.startsWith("/meshsub/");

/** Looks at all peers, or at one; never rejects. */
export function createMender(host: Host, peers: Peers): (only?: string) => Promise<void> {
  const [protocol = ""] = host.services.pubsub.protocols;
  const busy = new Set<string>();
  const mend = async (peer: string, connection: Connection): Promise<void> => {
    if (busy.has(peer)) return;
    busy.add(peer);
    try {
      await host.services.identify.identify(connection);
    } catch {
      // It ends now, or is looked at in the next round.
    } finally {
      busy.delete(peer);
    }
  };
  return async (only) => {
    const chosen = only === undefined ? peers.ids() : [only];
    await Promise.all(
      chosen.map(async (peer) => {
        const connections = peers.connectionsOf(peer);
        const [first] = connections;
        if (first === undefined || !peers.speaks(peer, protocol)) return;
        const hasStream = connections.some(({ streams }) =>
          streams.some(
            ({ protocol, direction, writeStatus }) =>
              direction === "outbound" && writeStatus === "writable" && (isGossip(protocol) || protocol === ""),
          ),
        );
        if (!hasStream) await mend(peer, first);
      }),
    );
  };
}
