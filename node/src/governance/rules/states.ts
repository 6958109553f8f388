/**
 * States at causal cuts, each computed once while it is in use: states are values, so what is kept are references. Recent ones
 * are kept, and one in sixty-four for good, so that an old position is never further than that from one that is known.
 */
import { applyAt, noted } from "./apply.ts";
import type { Crypto } from "./case.ts";
import { regionOf, type Entry, type Region } from "./dag.ts";
import { resolve, type Resolved } from "./resolve.ts";
import type { Namespace } from "./state.ts";

/** States after single ops, and resolutions of several heads, that are kept because they were used lately. */
const RECENT_STATES = 4096;
const RECENT_MERGES = 64;
const PINNED_EVERY = 64;

/** Forgets what was not used longest. */
class Recent<K, V> {
  readonly #limit: number;
  readonly #kept = new Map<K, V>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: K): V | undefined {
    const value = this.#kept.get(key);
    if (value === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.#kept.delete(key);
    this.#kept.set(key, value);
    if (this.#kept.size <= this.#limit) return;
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest);
      return;
    }
  }
}

const nameOf = (tips: readonly Entry[]): string =>
  tips
    .map(({ index }) => index)
    .sort((a, b) => a - b)
    .join();

export class States {
  readonly #crypto: Crypto;
  readonly #isCutPoint: (entry: Entry) => boolean;
  readonly #after = new Recent<Entry, Namespace>(RECENT_STATES);
  readonly #merged = new Recent<string, Resolved>(RECENT_MERGES);
  readonly #pinned = new Map<Entry, Namespace>();
  #lastPinned = -PINNED_EVERY;

  constructor(crypto: Crypto, isCutPoint: (entry: Entry) => boolean) {
    this.#crypto = crypto;
    this.#isCutPoint = isCutPoint;
  }

  /** The state of the tips and all their ancestors. */
  of(tips: readonly Entry[]): Namespace | undefined {
    const [only] = tips;
    if (only === undefined) return undefined;
    return tips.length === 1 ? this.#stateAfter(only) : this.resolved(tips).state;
  }

  regionOf(tips: readonly Entry[]): Region {
    return regionOf(tips, this.#isCutPoint);
  }

  /** What lies after the last cut point of several tips. */
  resolved(tips: readonly Entry[]): Resolved {
    const name = nameOf(tips);
    const known = this.#merged.get(name);
    if (known !== undefined) return known;
    const { base, entries } = this.regionOf(tips);
    const parts = { crypto: this.#crypto, before: ({ parents }: Entry) => this.of(parents) };
    const resolved = resolve(entries, base && this.#stateAfter(base), parts);
    this.#merged.set(name, resolved);
    return resolved;
  }

  /** Remembers the state after an op that has just come. `last`: nothing is beside it, so positions of old lead through it. */
  keep(entry: Entry, state: Namespace, last: boolean): void {
    this.#after.set(entry, state);
    const due = entry.index - this.#lastPinned >= PINNED_EVERY;
    if (!(last && due) && entry.index % PINNED_EVERY !== 0) return;
    this.#pinned.set(entry, state);
    if (last) this.#lastPinned = entry.index;
  }

  #known(entry: Entry): Namespace | undefined {
    return this.#after.get(entry) ?? this.#pinned.get(entry);
  }

  /** Goes back as far as nothing is known, and forward again: a log may be longer than a stack is deep. */
  #stateAfter(entry: Entry): Namespace | undefined {
    const way: Entry[] = [];
    let state: Namespace | undefined;
    for (let at: Entry | undefined = entry; at !== undefined;) {
      state = this.#known(at);
      if (state !== undefined) break;
      way.push(at);
      if (at.parents.length > 1) {
        state = this.of(at.parents);
        break;
      }
      at = at.parents[0];
    }
    for (let next = way.pop(); next !== undefined; next = way.pop()) {
      state = this.#step(next, state);
      if (state !== undefined) this.#after.set(next, state);
    }
    return state;
  }

  /** On its own ancestors an authorised op always counts: none of them is concurrent with it. */
  #step(entry: Entry, before: Namespace | undefined): Namespace | undefined {
    let after = before;
    if (entry.cut === undefined) {
      const verdict = applyAt(before, entry, this.#crypto);
      if ("state" in verdict) after = verdict.state;
    }
    return after && noted(after, entry);
  }
}
