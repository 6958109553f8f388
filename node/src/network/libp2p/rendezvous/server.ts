/** This node as a meeting place: it tells peers of one topic of each other. Every node is one; boot nodes are little else. */
import { seconds } from "@shoal/shared/base/time.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Channel, PeerId } from "../../contract.ts";
import { createBucket, type Bucket } from "../../rate.ts";
import type { Offence } from "../../scores.ts";
import { isLoopback } from "../addresses.ts";
import { cut, decodeRequest, encode, type Answer, type Request } from "./messages.ts";
import { BOUNDS, createRegistry, type Registry } from "./registry.ts";

export interface MeetingParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Whether a peer is connected from this very machine: only then are addresses of it any use to that peer. */
  readonly isLocal: (peer: PeerId) => boolean;
  readonly offend: (peer: PeerId, offence: Offence, detail: string) => void;
}

export interface Meeting {
  serve(channel: Channel): Promise<void>;
  forget(peer: PeerId): void;
}

/** Requests per second of one peer, and at once: a node with thousands of topics asks in a row at its start. */
const [PER_SECOND, AT_ONCE] = [1, 32];
const WITHIN = seconds(10);

export function createMeeting(parts: MeetingParts): Meeting {
  const { clock, offend } = parts;
  const registry = createRegistry();
  const rates = new Map<PeerId, Bucket>();
  return {
    async serve(channel) {
      const { peer } = channel;
      const now = clock.monotonic();
      const rate = rates.get(peer) ?? createBucket(PER_SECOND, AT_ONCE);
      rates.set(peer, rate);
      if (!rate.take(1, now)) {
        offend(peer, "flooding", "asks too often who is where");
        return channel.abort();
      }
      const frame = await channel.receive(WITHIN);
      if (frame === undefined) return;
      let request: Request;
      try {
        request = decodeRequest(frame);
      } catch {
        offend(peer, "malformed", "a rendezvous request");
        return channel.abort();
      }
      registry.sweep(now);
      registry.register(peer, request.addresses, request.topics, now);
      await channel.send(encode(answerTo(request, peer, registry, parts)));
    },
    forget: (peer) => void rates.delete(peer),
  };
}

function answerTo(request: Request, asker: PeerId, registry: Registry, parts: MeetingParts): Answer {
  const isLocal = parts.isLocal(asker);
  const now = parts.clock.monotonic();
  const places = new Map<PeerId, number>();
  const peers: Record<string, number[]> = {};
  for (const topic of request.topics) {
    for (const peer of registry.find(topic, asker, now, parts.random)) {
      if (!places.has(peer) && places.size >= BOUNDS.answer) continue;
      const place = places.get(peer) ?? places.size;
      places.set(peer, place);
      (peers[topic] ??= []).push(place);
    }
  }
  const known = [...places.keys()].map((peer) => ({
    peer,
    addresses: cut(registry.addressesOf(peer).filter((address) => isLocal || !isLoopback(address))),
  }));
  return { known, peers };
}
