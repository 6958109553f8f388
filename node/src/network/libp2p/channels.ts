/** Channels to peers and from them, counted: together, by peer, and by what they hold unread. */
import type { Connection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Channel, PeerId } from "../contract.ts";
import type { Offence } from "../scores.ts";
import { createChannel, type Room } from "./channel.ts";
import { deadline, failureOf } from "./failure.ts";
import type { Host } from "./host.ts";
import type { NetworkMetrics } from "./metrics.ts";
import { SIZES, type SwarmLimits } from "./settings.ts";

export interface ChannelsParts {
  readonly host: Host;
  readonly limits: SwarmLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: NetworkMetrics;
  readonly offend: (peer: PeerId, offence: Offence, detail: string) => void;
}

export interface Channels {
  open(peer: PeerId, protocol: string, within: DurationMs): Promise<Channel>;
  handle(protocol: string, serve: (channel: Channel) => Promise<void>): void;
  readonly count: number;
}

export function createChannels(parts: ChannelsParts): Channels {
  const { host, limits, clock, log, metrics, offend } = parts;
  const room = createRoom(SIZES.unreadTotal);
  /** Those that peers opened, by peer. */
  const inbound = new Map<PeerId, number>();
  let [inboundTotal, count] = [0, 0];
  const occupy = (stream: Stream, peer: PeerId, isInbound: boolean): void => {
    count += 1;
    if (isInbound) {
      inboundTotal += 1;
      inbound.set(peer, (inbound.get(peer) ?? 0) + 1);
    }
    stream.addEventListener("close", () => {
      count -= 1;
      if (!isInbound) return;
      inboundTotal -= 1;
      const left = (inbound.get(peer) ?? 1) - 1;
      if (left === 0) inbound.delete(peer);
      else inbound.set(peer, left);
    });
  };
  const channelOver = (stream: Stream, peer: PeerId): Channel =>
    createChannel({
      stream,
      peer,
      clock,
      room,
      report: (fault, detail) => offend(peer, fault, detail),
      count: metrics.channelBytes,
    });

  const take = async (
    stream: Stream,
    connection: Connection,
    serve: (channel: Channel) => Promise<void>,
  ): Promise<void> => {
    const peer = connection.remotePeer.toString();
    if (inboundTotal >= limits.streams || (inbound.get(peer) ?? 0) >= limits.streams_per_peer) {
      metrics.channelRefused();
      stream.abort(new Error("too many channels"));
      return;
    }
    occupy(stream, peer, true);
    metrics.channelOpened("in");
    const channel = channelOver(stream, peer);
    try {
      await serve(channel);
      await channel.close();
    } catch (thrown) {
      log.debug({ peer, protocol: stream.protocol, reason: messageOf(thrown) }, "a channel ended by a failure");
      channel.abort();
    }
  };

  return {
    async open(peer, protocol, within) {
      using limit = deadline(clock, within);
      try {
        const stream = await host.dialProtocol(peerIdFromString(peer), protocol, {
          signal: limit.signal,
          runOnLimitedConnection: true,
          maxOutboundStreams: limits.streams,
        });
        occupy(stream, peer, false);
        metrics.channelOpened("out");
        return channelOver(stream, peer);
      } catch (thrown) {
        throw failureOf(thrown, `${protocol} with ${peer}`, limit);
      }
    },
    handle(protocol, serve) {
      const handler = (stream: Stream, connection: Connection): void => void take(stream, connection, serve);
      host
        .handle(protocol, handler, {
          // One more than is let in, so that who is over the limit is refused here, and counted.
          maxInboundStreams: limits.streams_per_peer + 1,
          maxOutboundStreams: limits.streams,
          runOnLimitedConnection: true,
        })
        .catch((err: unknown) => log.error({ err, protocol }, "a protocol could not be announced"));
    },
    get count() {
      return count;
    },
  };
}

function createRoom(bytes: number): Room {
  let free = bytes;
  return {
    take(wanted) {
      if (wanted > free) return false;
      free -= wanted;
      return true;
    },
    give: (returned) => void (free += returned),
  };
}
