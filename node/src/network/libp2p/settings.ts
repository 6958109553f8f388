/** What the network is told at its start, and the numbers that nobody sets. */
import type { Registry } from "prom-client";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { hours, milliseconds, minutes, seconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { NodeConfig } from "../../config/config.ts";
import type { Store } from "../../storage/store.ts";

/** The node's key pair, `[swarm]`, `[bootstrap]`, `[discovery]`. */
export type NetworkConfig = Pick<NodeConfig, "identity" | "network">;

export interface NetworkInit {
  readonly config: NetworkConfig;
  /** Holds the peers of the last day and the block list, in column `generic`. */
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly registry?: Registry;
}

export type SwarmLimits = NetworkConfig["network"]["swarm"]["limits"];

/** What another node of this kind calls itself and its protocols by. */
export const AGENT = "shoal";
export const KAD_PROTOCOL = "/shoal/kad/1.0.0";
export const RENDEZVOUS_PROTOCOL = "/shoal/rendezvous/1";
export const MDNS_TAG = "_shoal._udp.local";

export const TIMES = {
  /** A dial with all that belongs to it, and one address of it. */
  dial: seconds(10),
  dialAddress: seconds(5),
  /** Who connects has so long to say who it is. */
  handshake: seconds(5),
  /** Between pings of a connection; what does not answer one in time is cut. */
  ping: seconds(15),
  pingLeast: seconds(5),
  pingMost: seconds(20),
  mdns: minutes(1),
  /** What a reader must take a frame in, beside the time that its length gives at `SLOWEST`. */
  write: seconds(30),
  /** After our end of a channel was closed, the other has so long to close its own. */
  linger: seconds(10),
  /** Between looks at what may have to be mended: gossip streams, relays, discovery. */
  upkeep: seconds(5),
  /** A peer is dialled again for so long after it was seen. */
  cache: hours(24),
  redialFirst: milliseconds(500),
  redialLast: seconds(30),
} as const;

/** Bytes per second below which a reader is too slow. */
export const SLOWEST = 64 * 1024;

export const SIZES = {
  /** What a channel holds unread before it stops reading. */
  unread: 256 * 1024,
  /** Of all channels together, in frames that are not whole or not read. */
  unreadTotal: 256 * 1024 * 1024,
  /** Window of a stream: what a peer may send before it is read. Less than the transport's own buffer, which must not overflow. */
  windowFirst: 256 * 1024,
  windowMost: 2 * 1024 * 1024,
  /** Gossip that waits for one peer; what takes longer is cut off and connects anew. */
  gossipOutbound: 8 * 1024 * 1024,
  /** One message of the gossip protocol, in which several payloads may be. */
  gossipInbound: 4 * 1024 * 1024,
  /** Payloads that are being judged. */
  judging: 64 * 1024 * 1024,
} as const;

/** Subscribers that a node looks for; with so many it dials no more for a topic. */
export const ENOUGH_SUBSCRIBERS = 8;
