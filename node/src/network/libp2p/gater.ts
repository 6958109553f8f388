/**
 * Who is let in. The library counts connections together; here they are counted by direction, by peer and, before anybody has
 * said who it is, by address, so that no single source takes the place of all others.
 */
import type { Connection, ConnectionGater, MultiaddrConnection, PeerId as RawPeerId } from "@libp2p/interface";
import type { PeerId } from "../contract.ts";
import type { SwarmLimits } from "./settings.ts";

export interface GaterParts {
  readonly limits: SwarmLimits;
  readonly connections: () => readonly Connection[];
  /** Blocked, or cut off for a while. */
  readonly isRefused: (peer: PeerId) => boolean;
  /** Asked when the house is full: ends a connection that nobody would miss, or says false. */
  readonly makeRoom: () => boolean;
  readonly onRefused: (why: Refusal) => void;
}

export type Refusal = "blocked" | "handshakes" | "inbound" | "outbound" | "per_peer";

export function createGater({ limits, connections, isRefused, makeRoom, onRefused }: GaterParts): ConnectionGater {
  const handshakes = createHandshakes(limits.handshakes_per_address);
  const refuse = (why: Refusal): true => {
    onRefused(why);
    return true;
  };
  const count = (direction: "inbound" | "outbound"): number =>
    connections().filter((connection) => connection.direction === direction).length;
  const deny = (peer: RawPeerId, direction: "inbound" | "outbound"): boolean => {
    if (isRefused(peer.toString())) return refuse("blocked");
    if (connections().filter(({ remotePeer }) => remotePeer.equals(peer)).length >= limits.per_peer)
      return refuse("per_peer");
    if (count(direction) < limits[direction]) return false;
    return direction === "inbound" && makeRoom() ? false : refuse(direction);
  };
  return {
    denyDialPeer: (peer) => isRefused(peer.toString()),
    // Private addresses are where most of our peers are.
    denyDialMultiaddr: () => false,
    denyInboundConnection: (connection) => !handshakes.begin(connection) && refuse("handshakes"),
    denyInboundEncryptedConnection(peer, connection) {
      handshakes.end(connection);
      return deny(peer, "inbound");
    },
    denyOutboundEncryptedConnection: (peer) => deny(peer, "outbound"),
    denyInboundRelayReservation: (peer) => isRefused(peer.toString()),
    denyOutboundRelayedConnection: (from, to) => isRefused(from.toString()) || isRefused(to.toString()),
    denyInboundRelayedConnection: (relay, peer) => isRefused(relay.toString()) || isRefused(peer.toString()),
  };
}

interface Handshakes {
  /** False where the address has too many already. */
  begin(connection: MultiaddrConnection): boolean;
  end(connection: MultiaddrConnection): void;
}

function createHandshakes(most: number): Handshakes {
  const waiting = new Map<string, Set<MultiaddrConnection>>();
  const hostOf = (connection: MultiaddrConnection): string => {
    const text = connection.remoteAddr.toString();
    // Relayed ones are counted by their relay's address, which has vouched for nobody.
    return text.split("/")[2] ?? text;
  };
  const end = (connection: MultiaddrConnection): void => {
    const host = hostOf(connection);
    const ones = waiting.get(host);
    ones?.delete(connection);
    if (ones?.size === 0) waiting.delete(host);
  };
  return {
    begin(connection) {
      const host = hostOf(connection);
      const ones = waiting.get(host) ?? new Set();
      if (ones.size >= most) return false;
      waiting.set(host, ones.add(connection));
      connection.addEventListener("close", () => end(connection));
      return true;
    },
    end,
  };
}
