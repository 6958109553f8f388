/**
 * What peers did wrong, as a number. A stranger stands at 0; each offence takes its weight off, time gives a point back every
 * few seconds, and who reaches the floor is cut off, longer each time. Pure: time is an argument, in milliseconds that never go
 * back (a clock that is set must not pardon anybody).
 */
import { hours, milliseconds, minutes, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Fault, PeerId } from "./contract.ts";

/** Faults that are reported from above, and what the network itself sees. */
export type Offence = Fault | "rejected" | "flooding";

/** What an offence costs. What no honest node ever does weighs most; what a bad line does too weighs least. */
export const WEIGHTS: Readonly<Record<Offence, number>> = {
  forged: 50,
  malformed: 25,
  oversized: 25,
  unauthorized: 10,
  rejected: 10,
  flooding: 5,
  slow: 5,
  broken: 2,
};

/** Who is here is cut off. */
export const FLOOR = -100;
/** One point comes back in this time: from the floor to 0 in a bit over half an hour. */
export const RECOVERY: DurationMs = milliseconds(20_000);
/** Of the first cut; each further one within `MEMORY` takes twice as long, up to the longest. */
export const FIRST_CUT = minutes(10);
export const LONGEST_CUT = hours(24);
/** After so long without an offence a peer is a stranger again. */
const MEMORY = hours(24);
/** Peers that are remembered; beyond it those go first who sinned longest ago. */
const REMEMBERED = 4096;

interface Entry {
  readonly score: number;
  readonly at: number;
  readonly cuts: number;
  readonly cutUntil: number;
  readonly kinds: ReadonlySet<Offence>;
}

export interface Judged {
  readonly score: number;
  /** The first of its kind by this peer: worth a line in the log. */
  readonly isFirst: boolean;
  /** The peer reached the floor by it: cut it off for so long. */
  readonly cutFor: DurationMs | undefined;
}

export interface Scores {
  note(peer: PeerId, offence: Offence, now: number): Judged;
  of(peer: PeerId, now: number): number;
  isCut(peer: PeerId, now: number): boolean;
  /** As if nothing had been: for a peer that somebody unblocked. */
  forget(peer: PeerId): void;
}

export function createScores(remembered = REMEMBERED): Scores {
  /** In the order of the last offence. */
  const entries = new Map<PeerId, Entry>();
  const current = (peer: PeerId, now: number): Entry | undefined => {
    const entry = entries.get(peer);
    return entry !== undefined && now - entry.at >= MEMORY && now >= entry.cutUntil ? undefined : entry;
  };
  const scoreOf = (entry: Entry | undefined, now: number): number =>
    entry === undefined ? 0 : Math.min(0, entry.score + Math.floor((now - entry.at) / RECOVERY));
  return {
    note(peer, offence, now) {
      const before = current(peer, now);
      const score = Math.max(FLOOR, scoreOf(before, now) - WEIGHTS[offence]);
      const { cuts = 0, cutUntil = 0, kinds = new Set<Offence>() } = before ?? {};
      const isCut = score <= FLOOR && now >= cutUntil;
      const cutFor = isCut ? milliseconds(Math.min(LONGEST_CUT, FIRST_CUT * 2 ** Math.min(cuts, 16))) : undefined;
      entries.delete(peer);
      entries.set(peer, {
        // Who comes back from a cut has half the way to the floor before it: enough to mend, too little to go on.
        score: cutFor === undefined ? score : FLOOR / 2,
        at: cutFor === undefined ? now : now + cutFor,
        cuts: cutFor === undefined ? cuts : cuts + 1,
        cutUntil: cutFor === undefined ? cutUntil : now + cutFor,
        kinds: new Set([...kinds, offence]),
      });
      const [oldest] = entries.keys();
      if (entries.size > remembered && oldest !== undefined) entries.delete(oldest);
      return { score, isFirst: !kinds.has(offence), cutFor };
    },
    of(peer, now) {
      const entry = current(peer, now);
      return entry !== undefined && now < entry.cutUntil ? FLOOR : scoreOf(entry, now);
    },
    isCut: (peer, now) => now < (entries.get(peer)?.cutUntil ?? 0),
    forget: (peer) => void entries.delete(peer),
  };
}
