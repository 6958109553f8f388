/**
 * The books of a plan: which pod is on which host, what that leaves free, and how many pods each constraint counts where.
 * Every entry can be undone; after that the books are equal to those before, to the last bit (whole numbers only).
 */
import { ShoalError } from "../../base/errors.ts";
import { createCensus } from "./census.ts";
import type { HostOrder } from "./host-order.ts";
import type { HostTable } from "./host-table.ts";
import type { Labels } from "./labels.ts";
import type { Requests } from "./quantities.ts";
import { count, createTally, createTallyIndex, type Tally } from "./topology.ts";
import type { PlacementPod, TopologyKey } from "./types.ts";
import { createUndoLog, type UndoLog } from "./undo-log.ts";

/** The part of a pod's class that the books need. */
export interface Bookable {
  /** Tallies of the required anti-affinities that pods of this class own. */
  readonly owned: readonly Tally[];
}

export interface Entry<C extends Bookable> {
  readonly pod: PlacementPod;
  readonly class: C;
  readonly host: number;
  touches: readonly Tally[];
}

export interface Ledger<C extends Bookable> {
  readonly entries: ReadonlyMap<string, Entry<C>>;
  /** Grows with every change; equal versions mean equal books. */
  readonly version: number;
  /** Pods that match the selector, per domain. */
  matchingTally(topologyKey: TopologyKey, matchLabels: Labels): Tally;
  /** Pods that are repelled by what matches the selector, per domain. */
  owningTally(topologyKey: TopologyKey, matchLabels: Labels): Tally;
  /** Tallies that count a pod with these labels. */
  countedIn(labels: Labels): readonly Tally[];
  /** Tallies of owners that repel a pod with these labels. */
  repelledBy(labels: Labels): readonly Tally[];
  add(pod: PlacementPod, podClass: C, host: number): void;
  remove(podId: string): Entry<C> | undefined;
  /** Takes a host out of the order: nothing is placed on it until undone. Only inside `attempt`. */
  close(host: number): void;
  readonly attempt: UndoLog<Change<C>>["attempt"];
}

type Change<C extends Bookable> =
  | { readonly kind: "added"; readonly podId: string }
  | { readonly kind: "removed"; readonly entry: Entry<C> }
  | { readonly kind: "closed"; readonly host: number };

export const NO_LABELS: Labels = {};

export function createLedger<C extends Bookable>(table: HostTable, order: HostOrder): Ledger<C> {
  const entries = new Map<string, Entry<C>>();
  const census = createCensus<Entry<C>>(({ pod }) => pod.labels ?? NO_LABELS);
  const matching = createTallyIndex();
  const owning = createTallyIndex();
  let version = 0;

  const begin = (topologyKey: TopologyKey, matchLabels: Labels): Tally => {
    const tally = createTally(table, topologyKey, matchLabels);
    for (const entry of census.matching(matchLabels, entries.values())) {
      entry.touches = [...entry.touches, tally];
      count(tally, entry.host, 1);
    }
    return tally;
  };
  const enter = (pod: PlacementPod, podClass: C, host: number): void => {
    const counted = matching.matching(pod.labels ?? NO_LABELS);
    const touches = podClass.owned.length === 0 ? counted : [...counted, ...podClass.owned];
    const entry = { pod, class: podClass, host, touches };
    entries.set(pod.id, entry);
    census.add(entry);
    version++;
    change(table, order, host, pod.requests, 1);
    for (const tally of touches) count(tally, host, 1);
  };
  const strike = (entry: Entry<C>): void => {
    entries.delete(entry.pod.id);
    census.delete(entry);
    version++;
    change(table, order, entry.host, entry.pod.requests, -1);
    for (const tally of entry.touches) count(tally, entry.host, -1);
  };
  const { record, attempt } = createUndoLog<Change<C>>((done) => {
    if (done.kind === "added") strike(entries.get(done.podId)!);
    else if (done.kind === "removed") enter(done.entry.pod, done.entry.class, done.entry.host);
    else order.insert(done.host);
  });
  return {
    entries,
    get version() {
      return version;
    },
    matchingTally: (topologyKey, matchLabels) =>
      matching.obtain(topologyKey, matchLabels, () => begin(topologyKey, matchLabels)),
    // A class obtains the tallies it owns before its first pod has a place, so a new one starts empty.
    owningTally: (topologyKey, matchLabels) =>
      owning.obtain(topologyKey, matchLabels, () => createTally(table, topologyKey, matchLabels)),
    countedIn: (labels) => matching.matching(labels),
    repelledBy: (labels) => owning.matching(labels),
    add(pod, podClass, host) {
      if (entries.has(pod.id)) throw new ShoalError("conflict", `pod ${pod.id} has a place already`);
      enter(pod, podClass, host);
      record({ kind: "added", podId: pod.id });
    },
    remove(podId) {
      const entry = entries.get(podId);
      if (entry === undefined) return undefined;
      strike(entry);
      record({ kind: "removed", entry });
      return entry;
    },
    close(host) {
      if (!order.has(host)) return;
      order.remove(host);
      record({ kind: "closed", host });
    },
    attempt,
  };
}

/** A host changes its place in the order with what it has free, unless it is closed. */
function change(table: HostTable, order: HostOrder, host: number, requests: Requests, sign: 1 | -1): void {
  const open = order.has(host);
  if (open) order.remove(host);
  table.change(host, requests, sign);
  if (open) order.insert(host);
}
