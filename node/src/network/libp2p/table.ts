/**
 * The table of peers (Kademlia) as the second way to others of a topic: for those who share no meeting place. Whoever is alone on
 * a topic says there that it is on it, and looks who said so before; the first of every group was alone once, so it is there.
 */
import { CID } from "multiformats/cid";
import { create } from "multiformats/hashes/digest";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { minutes, seconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { PeerId } from "../contract.ts";
import { deadline } from "./failure.ts";
import type { Host } from "./host.ts";
import { topicDigest } from "./rendezvous/messages.ts";

export interface TableParts {
  readonly host: Host;
  readonly namespace: string;
  readonly lonely: () => readonly string[];
  readonly onFound: (topic: string, peer: PeerId, addresses: readonly string[]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** The first look at a topic is after `FIRST`: by then a meeting place has answered; each further one after twice as long. */
const [FIRST, LAST] = [seconds(15), minutes(15)];
const WITHIN = seconds(20);
const [RAW, SHA256] = [0x55, 0x12];

interface Turn {
  at: number;
  pause: number;
}

/** Returns what is done in each round: one topic at most. It never rejects. */
export function createTable(parts: TableParts): () => Promise<void> {
  const { host, clock, log } = parts;
  const turns = new Map<string, Turn>();
  return async () => {
    const now = clock.monotonic();
    const lonely = parts.lonely();
    for (const topic of turns.keys()) if (!lonely.includes(topic)) turns.delete(topic);
    for (const topic of lonely) if (!turns.has(topic)) turns.set(topic, { at: now + FIRST, pause: FIRST });
    if (host.getPeers().length === 0) return;
    const [topic, turn] = [...turns].filter(([, { at }]) => at <= now).sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
    if (topic === undefined || turn === undefined) return;
    turn.pause = Math.min(LAST, turn.pause * 2);
    turn.at = now + turn.pause;
    try {
      await lookUp(parts, topic);
    } catch (thrown) {
      log.debug({ reason: messageOf(thrown) }, "the table of peers did not answer");
    }
  };
}

async function lookUp({ host, namespace, onFound, clock }: TableParts, topic: string): Promise<void> {
  const key = CID.createV1(RAW, create(SHA256, topicDigest(namespace, topic)));
  using limit = deadline(clock, WITHIN);
  for await (const { id, multiaddrs } of host.contentRouting.findProviders(key, { signal: limit.signal }))
    onFound(topic, id.toString(), multiaddrs.map(String));
  await host.contentRouting.provide(key, { signal: limit.signal });
}
