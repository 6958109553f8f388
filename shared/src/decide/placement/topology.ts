/**
 * Who is where: for each label selector that a constraint mentions, the number of matching pods per zone or per host, kept
 * up to date as pods come and go. Equal constraints share a tally. A second kind of tally counts the pods that *own* a
 * required anti-affinity, since they also repel newcomers that match it.
 */
import { firstPair } from "./census.ts";
import type { HostTable } from "./host-table.ts";
import { matchesAll, type Labels } from "./labels.ts";
import { byText } from "./quantities.ts";
import { HOST_KEY, type TopologyKey } from "./types.ts";

/** Smallest count over the domains in which a pod of some class may run at all; the base of skew. */
export interface Floor {
  /** 1 per domain that counts. */
  readonly eligible: Uint8Array;
  /** How many eligible domains have each count. */
  readonly histogram: number[];
  least: number;
}

export interface Tally {
  readonly topologyKey: TopologyKey;
  readonly matchLabels: Labels;
  /** Domain of each host; -1 where the host is in none. */
  readonly domainOf: Int32Array;
  readonly counts: Int32Array;
  /** Pods counted, over all domains. */
  total: number;
  readonly floors: Floor[];
}

export function createTally(table: HostTable, topologyKey: TopologyKey, matchLabels: Labels): Tally {
  const perHost = topologyKey === HOST_KEY;
  return {
    topologyKey,
    matchLabels,
    domainOf: perHost ? table.itself : table.zoneOf,
    counts: new Int32Array(perHost ? table.size : table.zones.length),
    total: 0,
    floors: [],
  };
}

/** Adds `by` (1 or -1) to the domain that the host is in. */
export function count(tally: Tally, host: number, by: 1 | -1): void {
  const domain = tally.domainOf[host]!;
  if (domain < 0) return;
  const from = tally.counts[domain]!;
  const to = from + by;
  tally.counts[domain] = to;
  tally.total += by;
  for (const floor of tally.floors) {
    if (floor.eligible[domain] === 0) continue;
    floor.histogram[from] = (floor.histogram[from] ?? 0) - 1;
    floor.histogram[to] = (floor.histogram[to] ?? 0) + 1;
    if (to < floor.least) floor.least = to;
    else if (floor.least === from && floor.histogram[from] === 0) floor.least = to;
  }
}

/** `refusal` is 0 for each host on which the class may run. */
export function createFloor(tally: Tally, refusal: Uint8Array): Floor {
  const eligible = new Uint8Array(tally.counts.length);
  for (const [host, refused] of refusal.entries()) {
    const domain = tally.domainOf[host]!;
    if (refused === 0 && domain >= 0) eligible[domain] = 1;
  }
  const histogram: number[] = [];
  let least = Infinity;
  for (const [domain, counted] of tally.counts.entries()) {
    if (eligible[domain] === 0) continue;
    histogram[counted] = (histogram[counted] ?? 0) + 1;
    least = Math.min(least, counted);
  }
  const floor = { eligible, histogram, least: least === Infinity ? 0 : least };
  tally.floors.push(floor);
  return floor;
}

/** Text by which equal selectors over the same topology are found again. */
function selectorKey(topologyKey: TopologyKey, matchLabels: Labels): string {
  return JSON.stringify([topologyKey, Object.entries(matchLabels).sort(([a], [b]) => byText(a, b))]);
}

/** Tallies by what they select, so that a pod finds those it counts in without asking each. */
export interface TallyIndex {
  readonly size: number;
  /** The tally of that selector, made by `make` where there is none yet. */
  obtain(topologyKey: TopologyKey, matchLabels: Labels, make: () => Tally): Tally;
  matching(labels: Labels): readonly Tally[];
}

const NONE: readonly Tally[] = [];

export function createTallyIndex(): TallyIndex {
  const byKey = new Map<string, Tally>();
  /** Under the first pair of its selector; selectors without pairs match every pod. */
  const byPair = new Map<string, Map<string, Tally[]>>();
  const always: Tally[] = [];
  const index = (tally: Tally): void => {
    const first = firstPair(tally.matchLabels);
    if (first === undefined) return void always.push(tally);
    const byValue = byPair.get(first[0]) ?? new Map<string, Tally[]>();
    byPair.set(first[0], byValue);
    byValue.set(first[1], [...(byValue.get(first[1]) ?? []), tally]);
  };
  return {
    get size() {
      return byKey.size;
    },
    obtain(topologyKey, matchLabels, make) {
      const key = selectorKey(topologyKey, matchLabels);
      const known = byKey.get(key);
      if (known !== undefined) return known;
      const tally = make();
      byKey.set(key, tally);
      index(tally);
      return tally;
    },
    matching(labels) {
      if (byKey.size === 0) return NONE;
      let found: Tally[] | undefined;
      for (const tally of always) (found ??= []).push(tally);
      for (const [key, byValue] of byPair) {
        const value = labels[key];
        if (value === undefined) continue;
        for (const tally of byValue.get(value) ?? NONE) {
          if (matchesAll(labels, tally.matchLabels)) (found ??= []).push(tally);
        }
      }
      return found ?? NONE;
    },
  };
}
