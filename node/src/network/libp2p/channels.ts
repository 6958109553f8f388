/** Channels to peers and from them, counted: together, by peer, and by what they hold unread. */
import type { Connection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Channel, PeerId } from "../contract.ts";
import type { Offence } from "../scores.ts";
import { createChannel } from "./channel.ts";
import { deadline, failureOf } from "./failure.ts";
import type { Host } from "./host.ts";
import type { Room } from "./inbox.ts";
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
  const seats = createSeats(limits);
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
    if (!seats.isFree(peer)) {
      metrics.channelRefused();
      stream.abort(new Error("too many channels"));
      return;
    }
    seats.take(stream, peer);
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
        seats.take(stream);
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
      return seats.count;
    },
  };
}

interface Seats {
  /** Whether a peer may open one more. */
  isFree(peer: PeerId): boolean;
  /** Counts a channel until it ends; `by`: the peer that opened it. */
  take(stream: Stream, by?: PeerId): void;
  readonly count: number;
}

function createSeats(limits: SwarmLimits): Seats {
  const inbound = new Map<PeerId, number>();
  let [inboundTotal, count] = [0, 0];
  const add = (by: PeerId | undefined, one: 1 | -1): void => {
    count += one;
    if (by === undefined) return;
    inboundTotal += one;
    const now = (inbound.get(by) ?? 0) + one;
    if (now === 0) inbound.delete(by);
    else inbound.set(by, now);
  };
  return {
    isFree: (peer) => inboundTotal < limits.streams && (inbound.get(peer) ?? 0) < limits.streams_per_peer,
    take(stream, by) {
      // One that broke while it was opened says so no more.
      if (stream.status !== "open" && stream.status !== "closing") return;
      add(by, 1);
      stream.addEventListener("close", () => add(by, -1), { once: true });
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
