/**
 * Finding the others of a topic: this node says at a few meeting places which topics it has and is told who else has them. At
 * once for a new topic or a new place; again where its own addresses changed or the entry would run out; and more often, up to
 * `discovery_rpm`, for a topic on which it is alone.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds, seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Channel, PeerId } from "../../contract.ts";
import { cut, decodeAnswer, encode, hashOf, TOPICS_AT_ONCE, type Answer } from "./messages.ts";
import { TTL, type TopicHash } from "./registry.ts";

export interface SearchParts {
  readonly namespace: string;
  /** Least span between two questions about a lonely topic at one place. */
  readonly pause: DurationMs;
  /** Most places to ask. */
  readonly places: number;
  readonly topics: ReadonlySet<string>;
  /** Connected peers that serve the protocol, those first that others know too. */
  readonly candidates: () => readonly PeerId[];
  readonly addresses: () => readonly string[];
  /** Whether nobody is heard on it. */
  readonly isLonely: (topic: string) => boolean;
  readonly open: (peer: PeerId) => Promise<Channel>;
  /** Told of each peer of a topic, which may be connected already. */
  readonly onFound: (topic: string, peer: PeerId, addresses: readonly string[]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Search {
  /** Asks what is due; never rejects. */
  run(): Promise<void>;
  /** A place that went away: all is said anew when it comes back. */
  forget(peer: PeerId): void;
}

interface Place {
  readonly askedAt: Map<string, number>;
  addresses: string;
}

const WITHIN = seconds(10);

export function createSearch(parts: SearchParts): Search {
  const { clock, topics } = parts;
  const places = new Map<PeerId, Place>();
  const hashes = new Map<string, TopicHash>();
  const hash = (topic: string): TopicHash => {
    const known = hashes.get(topic) ?? hashOf(parts.namespace, topic);
    hashes.set(topic, known);
    return known;
  };
  const due = (place: Place, now: number): readonly string[] =>
    [...topics].filter((topic) => {
      const asked = place.askedAt.get(topic);
      return asked === undefined || now - asked >= (parts.isLonely(topic) ? parts.pause : milliseconds(TTL / 2));
    });

  const ask = async (peer: PeerId): Promise<void> => {
    const place = places.get(peer) ?? { askedAt: new Map<string, number>(), addresses: "" };
    places.set(peer, place);
    const addresses = cut(parts.addresses());
    if (place.addresses !== addresses.join()) place.askedAt.clear();
    for (;;) {
      const now = clock.monotonic();
      const asked = due(place, now).slice(0, TOPICS_AT_ONCE);
      if (asked.length === 0) return;
      // Before the answer: a place that does not answer is not asked in every round.
      for (const topic of asked) place.askedAt.set(topic, now);
      place.addresses = addresses.join();
      const answer = await exchange(parts, peer, { topics: asked.map(hash), addresses });
      for (const topic of asked) tell(parts, topic, answer.peers[hash(topic)] ?? [], answer);
    }
  };

  return {
    async run() {
      for (const topic of hashes.keys()) if (!topics.has(topic)) hashes.delete(topic);
      for (const place of places.values())
        for (const topic of place.askedAt.keys()) if (!topics.has(topic)) place.askedAt.delete(topic);
      if (topics.size === 0) return;
      const chosen = parts.candidates().slice(0, parts.places);
      await Promise.all(
        chosen.map((peer) =>
          ask(peer).catch((thrown: unknown) =>
            parts.log.debug({ peer, reason: messageOf(thrown) }, "a meeting place did not answer"),
          ),
        ),
      );
    },
    forget: (peer) => void places.delete(peer),
  };
}

async function exchange(
  { open }: SearchParts,
  peer: PeerId,
  request: { readonly topics: TopicHash[]; readonly addresses: string[] },
): Promise<Answer> {
  const channel = await open(peer);
  try {
    await channel.send(encode(request));
    const frame = await channel.receive(WITHIN);
    return frame === undefined ? { known: [], peers: {} } : decodeAnswer(frame);
  } finally {
    void channel.close();
  }
}

function tell({ onFound }: SearchParts, topic: string, places: readonly number[], { known }: Answer): void {
  for (const place of places) {
    const found = known[place];
    if (found !== undefined) onFound(topic, found.peer, found.addresses);
  }
}
