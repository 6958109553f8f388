/** `[swarm]`: where peers reach the node, and how much of it any of them may take. `limits` is ours, the rest upstream's. */
import { z } from "zod";
import { multiaddress, whole } from "./values.ts";

const limits = z
  .strictObject({
    /** Connections that others opened, that this node opened, and with one peer. */
    inbound: whole(1, 10_000).default(128),
    outbound: whole(1, 10_000).default(128),
    per_peer: whole(1, 100).default(8),
    /** New connections per second from one address; a household or a rack behind one address has this much together. */
    inbound_per_second: whole(1, 100_000).default(32),
    /** Connections that have not said yet who they are: together, and from one address. */
    handshakes: whole(1, 10_000).default(256),
    handshakes_per_address: whole(1, 10_000).default(64),
    /** Channels that others opened: together, and by one peer. */
    streams: whole(1, 100_000).default(256),
    streams_per_peer: whole(1, 10_000).default(60),
    /** Gossip messages per second from one peer that are looked at; twice as many may come at once. */
    gossip_per_second: whole(1, 1_000_000).default(2000),
    /** Bytes of gossip per second that are read from one peer, whatever they are; four times as many may come at once. */
    gossip_bytes_per_second: whole(1024, 2 ** 30).default(4 * 1024 * 1024),
  })
  .prefault({});

export const swarmSection = z.strictObject({ listen: z.array(multiaddress).max(32), limits }).prefault({ listen: [] });
