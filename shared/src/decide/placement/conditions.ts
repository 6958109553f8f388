/**
 * What a pod asks of its neighbours, made ready for one search: every hard rule becomes a range in which the count of the
 * host's domain must lie, every wish a sum over counts. The ranges hold until the next pod comes or goes.
 */
import type { Ledger } from "./ledger.ts";
import { NO_LABELS } from "./ledger.ts";
import type { PodClass } from "./pod-class.ts";
import { WISH_UNIT } from "./static-rules.ts";
import type { Tally } from "./topology.ts";
import type { HostRule, PlacementPod } from "./types.ts";

/** `least <= count of the domain <= most`. */
export interface Range {
  readonly rule: HostRule;
  readonly tally: Tally;
  readonly least: number;
  readonly most: number;
  /** Whether a host outside every domain (no zone) passes. */
  readonly passesOutside: boolean;
}

/** Adds `weight` where the domain's count is at least 1, and takes `WISH_UNIT` for each pod above `most`. */
export interface Wish {
  readonly tally: Tally;
  readonly weight: number;
  readonly most: number;
  readonly outside: number;
}

export interface Conditions {
  readonly ranges: readonly Range[];
  readonly wishes: readonly Wish[];
  /** No host reaches more wishes than this: a search that finds it may stop. */
  readonly mostWishes: number;
}

const NONE: readonly never[] = [];

export function conditionsOf(pod: PlacementPod, podClass: PodClass, ledger: Ledger<PodClass>): Conditions {
  const labels = pod.labels ?? NO_LABELS;
  const repelling = ledger.repelledBy(labels);
  const { mostWishes } = podClass.fixed;
  const alone = podClass.spread.length + podClass.near.length + podClass.apart.length + repelling.length === 0;
  if (alone) return { ranges: NONE, wishes: NONE, mostWishes };
  const counted = ledger.countedIn(labels);
  const ranges: Range[] = [];
  const wishes: Wish[] = [];
  let reachable = mostWishes;
  for (const { tally, floor, maxSkew, hard } of podClass.spread) {
    const most = maxSkew + floor.least - (counted.includes(tally) ? 1 : 0);
    if (hard) ranges.push({ rule: "spread", tally, least: 0, most, passesOutside: false });
    else wishes.push({ tally, weight: 0, most, outside: -WISH_UNIT });
  }
  for (const { tally, weight } of podClass.near) {
    if (weight === "required") {
      // The first of a group that wants to be together has nobody to join.
      const first = tally.total === 0 && counted.includes(tally);
      ranges.push({ rule: "pod_affinity", tally, least: first ? 0 : 1, most: Infinity, passesOutside: false });
    } else {
      wishes.push({ tally, weight, most: Infinity, outside: 0 });
      if (tally.total > 0) reachable += weight;
    }
  }
  for (const { tally, weight } of podClass.apart) {
    if (weight === "required")
      ranges.push({ rule: "pod_anti_affinity", tally, least: 0, most: 0, passesOutside: true });
    else wishes.push({ tally, weight: -weight, most: Infinity, outside: 0 });
  }
  for (const tally of repelling) {
    if (tally.total > 0) ranges.push({ rule: "pod_anti_affinity", tally, least: 0, most: 0, passesOutside: true });
  }
  return { ranges, wishes, mostWishes: reachable };
}

/** The first range that the host lies outside of. */
export function rangeBroken(ranges: readonly Range[], host: number): Range | undefined {
  for (const range of ranges) {
    if (!lies(range, range.tally.domainOf[host]!)) return range;
  }
  return undefined;
}

/** Whether domain `domain` (-1: none) lies in the range. */
export function lies(range: Range, domain: number): boolean {
  if (domain < 0) return range.passesOutside;
  const count = range.tally.counts[domain]!;
  return count >= range.least && count <= range.most;
}

/** What the wishes about neighbours add up to in the domains that `domainIn` gives. */
export function wishesMet(wishes: readonly Wish[], domainIn: (tally: Tally) => number): number {
  let sum = 0;
  for (const { tally, weight, most, outside } of wishes) {
    const domain = domainIn(tally);
    if (domain < 0) sum += outside;
    else {
      const count = tally.counts[domain]!;
      if (count > 0) sum += weight;
      if (count > most) sum -= WISH_UNIT * (count - most);
    }
  }
  return sum;
}
