/** What the network counts, for whoever scrapes. Without a registry it counts all the same, for nobody. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { GossipVerdict } from "../contract.ts";
import type { Offence } from "../scores.ts";
import type { Refusal } from "./gater.ts";

export interface NetworkMetrics {
  readonly gossipIn: (verdict: GossipVerdict | "flood", bytes: number) => void;
  readonly gossipOut: (peers: number, bytes: number) => void;
  readonly channelOpened: (direction: "in" | "out") => void;
  readonly channelRefused: () => void;
  readonly channelBytes: (direction: "in" | "out", bytes: number) => void;
  readonly offence: (kind: Offence) => void;
  readonly refused: (why: Refusal) => void;
}

export function createMetrics(
  registry: Registry | undefined,
  now: { readonly peers: () => number; readonly channels: () => number },
): NetworkMetrics {
  const add = <T extends Counter<string> | Gauge>(metric: T): T => {
    registry?.registerMetric(metric);
    return metric;
  };
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    add(new Counter({ name: `shoal_network_${name}_total`, help, labelNames: [...labelNames], registers: [] }));
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    add(
      new Gauge({
        name: `shoal_network_${name}`,
        help,
        registers: [],
        collect() {
          this.set(read());
        },
      }),
    );
  gauge("peers", "Peers that are connected", now.peers);
  gauge("channels", "Channels that are open", now.channels);
  const heard = counter("gossip_heard", "Gossip messages heard, by what was made of them", ["verdict"]);
  const published = counter("gossip_published", "Gossip messages published", []);
  const handed = counter("gossip_handed", "Peers that published messages were handed to", []);
  const gossipBytes = counter("gossip_bytes", "Payload bytes of gossip", ["direction"]);
  const channels = counter("channels_opened", "Channels opened", ["direction"]);
  const refusedChannels = counter("channels_refused", "Channels of peers that were refused", []);
  const channelBytes = counter("channel_bytes", "Bytes of channels", ["direction"]);
  const offences = counter("offences", "What peers did wrong", ["kind"]);
  const refused = counter("connections_refused", "Connections that were refused", ["why"]);
  return {
    gossipIn(verdict, bytes) {
      heard.inc({ verdict });
      gossipBytes.inc({ direction: "in" }, bytes);
    },
    gossipOut(peers, bytes) {
      published.inc();
      handed.inc(peers);
      gossipBytes.inc({ direction: "out" }, bytes * peers);
    },
    channelOpened: (direction) => channels.inc({ direction }),
    channelRefused: () => refusedChannels.inc(),
    channelBytes: (direction, bytes) => channelBytes.inc({ direction }, bytes),
    offence: (kind) => offences.inc({ kind }),
    refused: (why) => refused.inc({ why }),
  };
}
