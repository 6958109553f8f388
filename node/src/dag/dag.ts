/**
 * Orders the deltas of one context: each is handed out once all its parents were applied. Relies on ids being hashes over
 * the parents, so that honest deltas cannot form a cycle; forged ones that do wait forever.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { PendingSpill } from "./spill.ts";

/** What the order needs of a delta. Ids are base58 of 32 bytes. */
export interface DagDelta {
  readonly id: string;
  /** Empty for the first. */
  readonly parents: readonly string[];
}

/** The parent of first deltas where one is named: 32 zero bytes. It counts as applied. */
export const GENESIS = "1".repeat(32);

/** Deltas that wait in memory (reference: 10,000); further ones go to the spill. */
export const MAX_WAITING = 10_000;
/** Ids that are remembered: applied lately (older ones are in the rows), refused, wanted from peers. */
const REMEMBERED = 100_000;
/** Deltas that are taken back from the spill at once. */
const TAKE = 1000;

export interface DagInit<D extends DagDelta> {
  readonly heads: readonly string[];
  /** Whether the rows have the delta as applied. */
  isApplied(id: string): boolean;
  /** Deltas that the rows have as not yet applied. */
  readonly waiting: Iterable<D>;
  /** Where deltas go beyond `maxWaiting`; without one whoever adds them bounds them, and `forget`s. */
  readonly spill?: PendingSpill<D>;
  readonly maxWaiting?: number;
}

export type Added =
  | { readonly kind: "known" }
  | { readonly kind: "ready" }
  /** `missing`: parents that nobody has delivered yet. */
  | { readonly kind: "waiting"; readonly missing: readonly string[]; readonly spilled: boolean }
  /** It builds upon something that was refused. */
  | { readonly kind: "refused" };

const READY: Added = { kind: "ready" };

/** A delta that is not applied yet, or a parent that somebody waits for. */
interface Entry<D> {
  readonly id: string;
  /** `wanted`: nobody has delivered it. `spilled`: it is in the spill, and others wait for it here. */
  state: "wanted" | "spilled" | "waiting" | "ready" | "handed out";
  /** Undefined while it is wanted or spilled. */
  delta: D | undefined;
  /** Parents that are not applied. */
  missing: number;
  /** Those in memory that wait for it. */
  children: Entry<D>[] | undefined;
  /** Those that were let follow it while it is being applied. */
  followers: Entry<D>[] | undefined;
}

export function openDag<D extends DagDelta>(init: DagInit<D>): Dag<D> {
  const dag = new Dag(init);
  for (const delta of init.waiting) dag.add(delta);
  return dag;
}

export class Dag<D extends DagDelta> {
  readonly #init: DagInit<D>;
  readonly #spill: PendingSpill<D> | undefined;
  readonly #maxWaiting: number;
  readonly #heads: Set<string>;
  readonly #applied = new Remembered();
  readonly #refused = new Remembered();
  readonly #entries = new Map<string, Entry<D>>();
  #waiting = 0;
  #wanted = 0;
  /** Waiting, ready or handed out. */
  #held = 0;
  /** In the order in which they became ready; what is no longer ready is skipped. */
  readonly #ready: Entry<D>[] = [];
  #nextReady = 0;
  readonly #given: string[] = [];
  /** Applied parents for which the spill may hold more. */
  readonly #draining = new Set<string>();

  constructor(init: DagInit<D>) {
    this.#init = init;
    this.#spill = init.spill;
    this.#maxWaiting = init.spill === undefined ? Number.POSITIVE_INFINITY : (init.maxWaiting ?? MAX_WAITING);
    this.#heads = new Set(init.heads);
  }

  /** Applied deltas that no applied delta names as parent, ascending. */
  get heads(): readonly string[] {
    return [...this.#heads].sort();
  }

  /** How many wait in memory, are ready, or are being applied. */
  get pending(): number {
    return this.#held;
  }

  /** Given up, by itself or with what it builds upon. */
  isRefused(id: string): boolean {
    return this.#refused.has(id);
  }

  /** Whether `next` has something to hand out. */
  get isReady(): boolean {
    return this.#nextReady < this.#ready.length || this.#draining.size > 0;
  }

  isApplied(id: string): boolean {
    return this.#applied.has(id) || id === GENESIS || this.#init.isApplied(id);
  }

  /** Parents that deltas wait for and nobody has delivered: what to ask peers for, the earliest wanted first. */
  missing(limit: number): readonly string[] {
    if (this.#wanted === 0) return [];
    return this.#entries
      .values()
      .filter(({ state }) => state === "wanted")
      .map(({ id }) => id)
      .take(limit)
      .toArray();
  }

  /** Throws `invalid_argument` for a delta that names itself as parent. */
  add(delta: D): Added {
    const { id, parents } = delta;
    if (parents.includes(id)) throw new ShoalError("invalid_argument", "a delta cannot be its own parent");
    const entry = this.#entries.get(id);
    if (entry === undefined ? this.#isKnown(id) : entry.state !== "wanted") return { kind: "known" };
    return this.#place(delta, entry);
  }

  /** The next delta to apply; say `applied` or `refuse` of its id afterwards. */
  next(): D | undefined {
    for (;;) {
      const entry = this.#ready[this.#nextReady];
      if (entry === undefined) {
        this.#ready.length = 0;
        this.#nextReady = 0;
        if (this.#draining.size === 0) return undefined;
        this.#drain();
        continue;
      }
      this.#nextReady += 1;
      if (this.#nextReady >= TAKE) this.#ready.splice(0, this.#nextReady);
      this.#nextReady %= TAKE;
      if (entry.state !== "ready") continue;
      entry.state = "handed out";
      return entry.delta;
    }
  }

  /**
   * Lets what waits for a delta that was handed out follow it into the same batch. The word on the delta itself comes later:
   * `applied` of it before that of its followers, or `refuse`, which gives them up with it.
   */
  pass(id: string): void {
    const entry = this.#entries.get(id);
    if (entry?.state !== "handed out") throw new ShoalError("internal", `delta ${id} is not handed out`);
    const followers = entry.children ?? [];
    entry.followers = followers;
    entry.children = undefined;
    for (const child of followers) this.#freed(child);
  }

  /** A delta that was handed out has been applied, or one that is ready: made here, it was applied before it was added. */
  applied(id: string): void {
    const { delta, children } = this.#take(id);
    this.#applied.add(id);
    for (const parent of delta?.parents ?? []) this.#heads.delete(parent);
    this.#heads.add(id);
    for (const child of children ?? []) this.#freed(child);
    if (this.#spilled > 0) this.#draining.add(id);
  }

  /** A delta cannot be applied, ever: it is given up with all that builds upon it. Nothing happens where that was said before. */
  refuse(id: string): void {
    if (!this.#refused.has(id)) this.#giveUp(this.#entries.get(id) ?? blank(id));
  }

  /**
   * Lets go of a delta that waits in memory, as if it had never come: whatever waits for it waits on, and it is wanted where
   * something does. False for any other.
   */
  forget(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry?.state !== "waiting") return false;
    this.#entries.delete(id);
    this.#waiting -= 1;
    this.#held -= 1;
    // Its parents still name the old entry, which is nobody's from now on.
    entry.state = "handed out";
    entry.delta = undefined;
    if (entry.children === undefined || entry.children.length === 0) return true;
    this.#entries.set(id, { ...blank<D>(id), children: entry.children });
    this.#wanted += 1;
    return true;
  }

  /** Ids that were given up since this was last asked. */
  takeRefused(): readonly string[] {
    return this.#given.splice(0);
  }

  get #spilled(): number {
    return this.#spill?.size ?? 0;
  }

  #take(id: string): Entry<D> {
    const entry = this.#entries.get(id);
    if (entry === undefined || (entry.state !== "ready" && entry.state !== "handed out")) {
      throw new ShoalError("internal", `delta ${id} is neither ready nor handed out`);
    }
    this.#entries.delete(id);
    this.#held -= 1;
    // Whoever still has it among the ready ones skips it.
    entry.state = "handed out";
    return entry;
  }

  #isKnown(id: string): boolean {
    if (this.isApplied(id) || this.#refused.has(id)) return true;
    return this.#spilled > 0 && this.#spill?.has(id) === true;
  }

  /** `entry`: the delta's, where somebody waits for it. */
  #place(delta: D, entry: Entry<D> | undefined): Added {
    const open: string[] = [];
    for (const parent of delta.parents) {
      if (this.#refused.has(parent)) {
        this.#giveUp(entry ?? blank(delta.id));
        return { kind: "refused" };
      }
      if (!this.isApplied(parent) && !open.includes(parent)) open.push(parent);
    }
    const [first] = open;
    const isFull = this.#waiting >= this.#maxWaiting || this.#wanted >= REMEMBERED;
    if (first !== undefined && this.#spill !== undefined && isFull) {
      this.#spill.put(delta, first);
      // Those that wait for it wait on; it comes back with its parent.
      if (entry !== undefined) this.#mark(entry, "spilled");
      return { kind: "waiting", missing: this.#want(open, undefined), spilled: true };
    }
    const placed = entry ?? blank<D>(delta.id);
    if (entry === undefined) this.#entries.set(delta.id, placed);
    else this.#mark(entry, "waiting");
    placed.delta = delta;
    placed.missing = open.length;
    placed.state = "waiting";
    this.#waiting += 1;
    this.#held += 1;
    if (first !== undefined) return { kind: "waiting", missing: this.#want(open, placed), spilled: false };
    this.#makeReady(placed);
    return READY;
  }

  /** Those of `parents` that nobody has delivered. Each of them has `child`, where there is one, wait for it. */
  #want(parents: readonly string[], child: Entry<D> | undefined): readonly string[] {
    const missing: string[] = [];
    for (const parent of parents) {
      let entry = this.#entries.get(parent);
      if (entry === undefined) {
        entry = blank<D>(parent);
        this.#entries.set(parent, entry);
        this.#wanted += 1;
        if (this.#spilled > 0 && this.#spill?.has(parent) === true) this.#mark(entry, "spilled");
      }
      if (entry.state === "wanted") missing.push(parent);
      if (child === undefined) continue;
      if (entry.children === undefined) entry.children = [child];
      else entry.children.push(child);
    }
    return missing;
  }

  /** From `wanted`, which is counted, or between states that are not. */
  #mark(entry: Entry<D>, state: "spilled" | "waiting"): void {
    if (entry.state === "wanted") this.#wanted -= 1;
    entry.state = state;
  }

  /** One of its parents is applied, or goes before it. */
  #freed(child: Entry<D>): void {
    child.missing -= 1;
    if (child.missing === 0 && child.state === "waiting") this.#makeReady(child);
  }

  #makeReady(entry: Entry<D>): void {
    this.#waiting -= 1;
    entry.state = "ready";
    this.#ready.push(entry);
  }

  #giveUp(root: Entry<D>): void {
    const queue = [root];
    for (let popped = queue.pop(); popped !== undefined; popped = queue.pop()) {
      const { id } = popped;
      if (this.#refused.has(id)) continue;
      // One that was let go of may have come again.
      const entry = this.#entries.get(id) ?? popped;
      const { state, children, followers } = entry;
      if (this.#entries.delete(id)) {
        if (state === "waiting") this.#waiting -= 1;
        if (state === "wanted") this.#wanted -= 1;
        else if (state !== "spilled") this.#held -= 1;
        entry.state = "handed out";
      }
      this.#refused.add(id);
      this.#given.push(id);
      queue.push(...(children ?? []), ...(followers ?? []));
      while (this.#spill !== undefined && this.#spilled > 0) {
        const taken = this.#spill.take(id, TAKE);
        for (const delta of taken) queue.push(this.#entries.get(delta.id) ?? blank(delta.id));
        if (taken.length < TAKE) break;
      }
    }
  }

  #drain(): void {
    const [parent] = this.#draining;
    if (parent === undefined || this.#spill === undefined) return;
    const taken = this.#spill.take(parent, TAKE);
    if (taken.length < TAKE) this.#draining.delete(parent);
    for (const delta of taken) this.#place(delta, this.#entries.get(delta.id));
  }
}

function blank<D>(id: string): Entry<D> {
  return { id, state: "wanted", delta: undefined, missing: 0, children: undefined, followers: undefined };
}

/** A set that forgets its oldest members beyond a bound. */
class Remembered {
  readonly #ids = new Set<string>();

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#ids.add(id);
    if (this.#ids.size <= REMEMBERED) return;
    const [oldest] = this.#ids;
    if (oldest !== undefined) this.#ids.delete(oldest);
  }
}
