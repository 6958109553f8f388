/** Two sets that differ by a known number of ids, in a known pattern. */
import type { IdItem } from "@shoal/node/sync/protocols/contract.ts";
import { below, type Random } from "@shoal/shared/base/random.ts";
import { makeItems } from "./items.ts";

export const PATTERNS = ["recent", "random", "clustered"] as const;
export type Pattern = (typeof PATTERNS)[number];

export interface Pair {
  readonly asker: readonly IdItem[];
  readonly peer: readonly IdItem[];
}

/**
 * Two sets of about `size` items, of which `difference` are in one only: half each. Recent: the newest; clustered: in runs of
 * up to 50 neighbours, as a partition leaves them.
 */
export function makePair(size: number, difference: number, pattern: Pattern, random: Random): Pair {
  const items = makeItems(size, random);
  const differing = differingOf(size, difference, pattern, random);
  const isAskers = new Map([...differing].map((at, nth) => [at, nth % 2 === 0]));
  return {
    asker: items.filter((_, at) => isAskers.get(at) ?? true),
    peer: items.filter((_, at) => !(isAskers.get(at) ?? false)),
  };
}

const RUN = 50;

function differingOf(size: number, difference: number, pattern: Pattern, random: Random): ReadonlySet<number> {
  const differing = new Set<number>();
  if (pattern === "recent") for (let at = size - difference; at < size; at++) differing.add(at);
  while (differing.size < difference) {
    const at = below(random, size);
    const run = pattern === "clustered" ? RUN : 1;
    for (let next = at; next < Math.min(size, at + run) && differing.size < difference; next++) differing.add(next);
  }
  return differing;
}
