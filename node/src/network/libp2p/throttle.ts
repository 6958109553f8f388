/**
 * Gossip's streams are read by the library as fast as they come, and what it has heard already never reaches a judge: a peer that
 * repeats itself would have a core to itself. Here a stream that brings more bytes than its peer may is not read for a while, so
 * that the peer's window fills and it stops. Nothing is lost by it, and it is no offence: a busy honest peer is slowed too.
 */
import type { Stream } from "@libp2p/interface";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { PeerId } from "../contract.ts";
import { createBucket } from "../rate.ts";
import type { Peers } from "./peers.ts";
import { readOn, stopReading } from "./streams.ts";

/** What may come at once, in seconds of the rate. */
const BURST = 4;
const PAUSE = milliseconds(100);

/** Returns what looks for new streams of a peer, or of all; each is watched from then on. */
export function createThrottle(peers: Peers, bytesPerSecond: number, clock: Clock): (only?: PeerId) => void {
  const watched = new WeakSet<Stream>();
  const watch = (stream: Stream): void => {
    watched.add(stream);
    const bucket = createBucket(bytesPerSecond, bytesPerSecond * BURST);
    let owed = 0;
    const payOff = async (): Promise<void> => {
      while (owed > 0 && stream.status === "open") {
        const part = Math.min(owed, bytesPerSecond);
        if (bucket.take(part, clock.monotonic())) owed -= part;
        else await clock.sleep(PAUSE);
      }
      readOn(stream);
    };
    stream.addEventListener("message", ({ data: { byteLength } }) => {
      if (owed === 0 && bucket.take(byteLength, clock.monotonic())) return;
      const isOwing = owed > 0;
      owed += byteLength;
      stopReading(stream);
      if (!isOwing) void payOff();
    });
  };
  return (only) => {
    for (const peer of only === undefined ? peers.ids() : [only]) {
      for (const { streams } of peers.connectionsOf(peer))
        for (const stream of streams) {
          const isGossip = stream.direction === "inbound" && stream.protocol.startsWith("/meshsub/");
          if (isGossip && !watched.has(stream)) watch(stream);
        }
    }
  };
}
