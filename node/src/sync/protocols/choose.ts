/** Which protocol levels two replicas: the cheapest that will succeed. */

export interface Stand {
  readonly isInitialized: boolean;
  readonly root: string;
  /** Over the ids of all applied deltas. */
  readonly fingerprint: Uint8Array;
}

/**
 * `none`: level. `snapshot`: only onto an empty replica. `deltas`: what each lacks, by id. `tree`: the same deltas and yet
 * another state; never while the deltas differ, or what they wrote would be here without them. `stuck`: deltas differ, and the
 * two cannot give them to each other. `wait`: the peer has no state yet, and is served when it asks.
 */
export type Protocol = "none" | "snapshot" | "deltas" | "tree" | "stuck" | "wait";

/** `exhausted`: the last exchange of deltas between the two brought neither side further. */
export function choose(mine: Stand, theirs: Stand, exhausted: boolean): Protocol {
  if (!theirs.isInitialized) return "wait";
  if (!mine.isInitialized) return "snapshot";
  const sameDeltas = Buffer.compare(mine.fingerprint, theirs.fingerprint) === 0;
  if (!sameDeltas) return exhausted ? "stuck" : "deltas";
  if (mine.root !== theirs.root) return "tree";
  return "none";
}
