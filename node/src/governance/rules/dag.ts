/**
 * The shape of a log. What keeps it cheap are its cut points: ops that every other op is before or after. Nothing before one is
 * concurrent with anything after it, so whatever is asked about a set of ops is asked from its last cut point on. `Spine`
 * knows those of the whole log, at a cost of one step per op.
 */
import type { Take } from "./case.ts";
import type { PlacedOp } from "./apply.ts";
import { Heap } from "./heap.ts";
import type { Refused } from "./verdict.ts";

/** An op in the log. */
export interface Entry extends PlacedOp {
  /** Order of arrival: parents have smaller ones. */
  readonly index: number;
  readonly parents: readonly Entry[];
  readonly children: Entry[];
  /** Why it is not authorised; for ever. */
  readonly cut?: Refused;
  /** Of an authorised removal. */
  readonly take?: Take;
  /** Equal for removals that take the same: an account that leaves a thousand times at once is asked about once. */
  readonly takeName: string;
  /** What removals take from this one, as far as anybody asked, by the names of their takes: pairs are judged once. */
  readonly takenBy: Map<string, Refused | undefined>;
}

/** What lies after the last cut point of a set of ops: the ancestors of `tips`, and `tips`. */
export interface Region {
  readonly base: Entry | undefined;
  /** Without `base`; parents first. */
  readonly entries: readonly Entry[];
  /** One of the tips is an ancestor of another. */
  readonly redundant: boolean;
}

export function regionOf(tips: readonly Entry[], isCutPoint: (entry: Entry) => boolean): Region {
  const queue = new Heap<Entry>((a, b) => a.index > b.index);
  const named = new Set(tips);
  const seen = new Set(tips);
  for (const tip of seen) queue.push(tip);
  const entries: Entry[] = [];
  let redundant = named.size < tips.length;
  for (;;) {
    const entry = queue.pop();
    if (entry === undefined) return { base: undefined, entries: [], redundant };
    // Later ops are all done, and a cut point of the log has nothing beside it: what is left are its ancestors.
    if (queue.size === 0 || isCutPoint(entry)) {
      for (const left of queue) redundant ||= named.has(left);
      return { base: entry, entries: entries.reverse(), redundant };
    }
    entries.push(entry);
    for (const parent of entry.parents) {
      redundant ||= named.has(parent);
      if (seen.has(parent)) continue;
      seen.add(parent);
      queue.push(parent);
    }
  }
}

/** Cut points of the whole log, from the first op on. */
export class Spine {
  readonly #points: Entry[] = [];
  readonly #place = new Map<Entry, number>();
  /** The last point that was an ancestor of an entry when it came; of a point, the one before it. */
  readonly #anchors = new Map<Entry, Entry>();

  has(entry: Entry): boolean {
    return this.#place.has(entry);
  }

  /** `last`: nothing is beside the entry, that is, it names every head as a parent. Returns how many points are none any more. */
  add(entry: Entry, last: boolean): number {
    const anchor = entry.parents
      .map((parent) => this.#anchorOf(parent))
      .reduce<Entry | undefined>((a, b) => (this.#placeOf(a) > this.#placeOf(b) ? a : b), undefined);
    if (anchor !== undefined) this.#anchors.set(entry, anchor);
    let gone = 0;
    for (; this.#points.length > this.#placeOf(anchor) + 1; gone++) this.#place.delete(this.#points.pop()!);
    if (last) this.#place.set(entry, this.#points.push(entry) - 1);
    return gone;
  }

  #placeOf(point: Entry | undefined): number {
    return point === undefined ? -1 : (this.#place.get(point) ?? -1);
  }

  #anchorOf(entry: Entry): Entry | undefined {
    let at: Entry | undefined = entry;
    while (at !== undefined && !this.#place.has(at)) at = this.#anchors.get(at);
    // What is no point any more never becomes one again, so the way may be cut short.
    if (at !== undefined && at !== entry) this.#anchors.set(entry, at);
    return at;
  }
}
