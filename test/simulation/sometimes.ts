/** What has to happen in some of the seeds: a run of many in which one of these never did has not looked everywhere. */

export const SOMETIMES = [
  "wires healed with heads that differ",
  "delta waited",
  "heads side by side",
  "snapshot taken",
  "states compared by tree",
  "deltas exchanged by id",
  "op waited for a parent",
  "op void by a concurrent removal",
  "op refused where it stands",
  "removal beside a promotion",
  "key rotated",
  "removed member read nothing",
  "invitation expired",
  "invitation spent or revoked",
  "crash lost batches",
  "crash lost nothing",
  "disk was full",
  "channel broke",
  "cut noticed",
  "clock an hour wrong",
  "forgery refused",
  "handler ran",
  "xcall committed",
  "run repeated",
  "all level again",
] as const;
export type Sometimes = (typeof SOMETIMES)[number];

export interface Tally {
  add(what: Sometimes, times?: number): void;
  read(): Readonly<Record<string, number>>;
}

export function createTally(): Tally {
  const counts = new Map<Sometimes, number>();
  return {
    add(what, times = 1) {
      if (times > 0) counts.set(what, (counts.get(what) ?? 0) + times);
    },
    read: () => Object.fromEntries(counts),
  };
}
