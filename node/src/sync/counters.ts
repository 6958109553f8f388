/** What is counted of how this node levels itself with others; served with the node's metrics. */

export const COUNTED = [
  "sessions", // with a peer, of a context or a namespace
  "sessions_failed",
  "level_already", // protocol `none` at the first look
  "deltas", // exchanges of deltas by id
  "tree", // comparisons of trees
  "snapshot", // first states taken from a peer
  "deltas_pulled",
  "deltas_pushed",
  "ops_pulled",
  "ops_pushed",
  "gossip_deltas",
  "gossip_ops",
  "gossip_refused",
  "keys_asked",
  "divergences", // same deltas, another root
] as const;
export type Counted = (typeof COUNTED)[number];

export interface SyncCounters {
  add(what: Counted, by?: number): void;
  read(): Readonly<Record<Counted, number>>;
}

export function syncCounters(): SyncCounters {
  const counts = new Map<Counted, number>(COUNTED.map((name) => [name, 0]));
  return {
    add: (what, by = 1) => void counts.set(what, (counts.get(what) ?? 0) + by),
    // Every name of the list is there.
    read: () => Object.fromEntries(counts) as Record<Counted, number>,
  };
}
