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
/** Ids that are remembered: applied lately (older ones are in the rows), refused, and wanted from peers. */
const REMEMBERED = 100_000;
/** Deltas that are taken back from the spill at once. */
const TAKE = 1000;

export interface DagInit<D extends DagDelta> {
  readonly heads: readonly string[];
  /** Whether the rows have the delta as applied. */
  isApplied(id: string): boolean;
  /** Deltas that the rows have as not yet applied. */
  readonly waiting: Iterable<D>;
  readonly spill: PendingSpill<D>;
  readonly maxWaiting?: number;
}

export type Added =
  | { readonly kind: "known" }
  | { readonly kind: "ready" }
  /** `missing`: parents that nobody has delivered yet. */
  | { readonly kind: "waiting"; readonly missing: readonly string[]; readonly spilled: boolean }
  /** It builds upon something that was refused. */
  | { readonly kind: "refused" };

interface Waiting<D> {
  readonly delta: D;
  readonly parents: Set<string>;
}

export function openDag<D extends DagDelta>(init: DagInit<D>): Dag<D> {
  const dag = new Dag(init);
  for (const delta of init.waiting) dag.add(delta);
  return dag;
}

export class Dag<D extends DagDelta> {
  readonly #init: DagInit<D>;
  readonly #maxWaiting: number;
  readonly #heads: Set<string>;
  readonly #applied = new Remembered();
  readonly #refused = new Remembered();
  readonly #wanted = new Remembered();
  readonly #waiting = new Map<string, Waiting<D>>();
  /** Parent -> those in memory that wait for it. */
  readonly #children = new Map<string, string[]>();
  /** In the order in which they became ready. */
  readonly #ready = new Map<string, D>();
  readonly #handedOut = new Map<string, D>();
  readonly #given: string[] = [];
  /** Applied parents for which the spill may hold more. */
  readonly #draining = new Set<string>();

  constructor(init: DagInit<D>) {
    this.#init = init;
    this.#maxWaiting = init.maxWaiting ?? MAX_WAITING;
    this.#heads = new Set(init.heads);
  }

  /** Applied deltas that no applied delta names as parent, ascending. */
  get heads(): readonly string[] {
    return [...this.#heads].sort();
  }

  /** How many wait in memory, are ready, or are being applied. */
  get pending(): number {
    return this.#waiting.size + this.#ready.size + this.#handedOut.size;
  }

  isApplied(id: string): boolean {
    return id === GENESIS || this.#applied.has(id) || this.#init.isApplied(id);
  }

  /** Parents that deltas wait for and nobody has delivered: what to ask peers for, the earliest wanted first. */
  missing(limit: number): readonly string[] {
    return this.#wanted.first(limit);
  }

  /** Throws `invalid_argument` for a delta that names itself as parent. */
  add(delta: D): Added {
    const { id } = delta;
    if (delta.parents.includes(id)) throw new ShoalError("invalid_argument", "a delta cannot be its own parent");
    if (this.#isKnown(id)) return { kind: "known" };
    return this.#place(delta);
  }

  /** The next delta to apply; say `applied` or `refuse` of its id afterwards. */
  next(): D | undefined {
    while (this.#ready.size === 0 && this.#draining.size > 0) this.#drain();
    for (const [id, delta] of this.#ready) {
      this.#ready.delete(id);
      this.#handedOut.set(id, delta);
      return delta;
    }
    return undefined;
  }

  /** A delta that was handed out has been applied, or one that is ready: made here, it was applied before it was added. */
  applied(id: string): void {
    const delta = this.#taken(id);
    this.#applied.add(id);
    for (const parent of delta.parents) this.#heads.delete(parent);
    this.#heads.add(id);
    for (const child of this.#takeChildren(id)) this.#arrived(child, id);
    this.#draining.add(id);
  }

  /** A delta that was handed out cannot be applied, ever: it is given up with all that builds upon it. */
  refuse(id: string): void {
    this.#taken(id);
    this.#giveUp(id);
  }

  /** Ids that were given up since this was last asked. */
  takeRefused(): readonly string[] {
    return this.#given.splice(0);
  }

  #taken(id: string): D {
    const delta = this.#handedOut.get(id) ?? this.#ready.get(id);
    if (delta === undefined) throw new ShoalError("internal", `delta ${id} is neither ready nor handed out`);
    this.#handedOut.delete(id);
    this.#ready.delete(id);
    return delta;
  }

  #giveUp(id: string): void {
    const queue = [id];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (this.#refused.has(next)) continue;
      this.#refused.add(next);
      this.#wanted.delete(next);
      this.#given.push(next);
      for (const child of this.#takeChildren(next)) {
        this.#waiting.delete(child);
        queue.push(child);
      }
      for (let taken = this.#init.spill.take(next, TAKE); taken.length > 0; taken = this.#init.spill.take(next, TAKE)) {
        for (const delta of taken) queue.push(delta.id);
      }
    }
  }

  #isKnown(id: string): boolean {
    return this.#isHere(id) || this.isApplied(id) || this.#refused.has(id) || this.#init.spill.has(id);
  }

  #isHere(id: string): boolean {
    return this.#waiting.has(id) || this.#ready.has(id) || this.#handedOut.has(id);
  }

  #place(delta: D): Added {
    const { id } = delta;
    const parents = new Set<string>();
    for (const parent of delta.parents) {
      if (this.#refused.has(parent)) {
        this.#giveUp(id);
        return { kind: "refused" };
      }
      if (!this.isApplied(parent)) parents.add(parent);
    }
    if (parents.size === 0) {
      this.#ready.set(id, delta);
      this.#wanted.delete(id);
      return { kind: "ready" };
    }
    const [first] = parents;
    const spilled = this.#waiting.size >= this.#maxWaiting;
    if (spilled) this.#init.spill.put(delta, first!);
    else this.#wait(delta, parents);
    this.#wanted.delete(id);
    const missing = [...parents].filter((parent) => !this.#isHere(parent) && !this.#init.spill.has(parent));
    for (const parent of missing) this.#wanted.add(parent);
    return { kind: "waiting", missing, spilled };
  }

  #wait(delta: D, parents: Set<string>): void {
    this.#waiting.set(delta.id, { delta, parents });
    for (const parent of parents) {
      const siblings = this.#children.get(parent);
      if (siblings === undefined) this.#children.set(parent, [delta.id]);
      else siblings.push(delta.id);
    }
  }

  #arrived(child: string, parent: string): void {
    const waiting = this.#waiting.get(child);
    if (waiting === undefined) return;
    waiting.parents.delete(parent);
    if (waiting.parents.size > 0) return;
    this.#waiting.delete(child);
    this.#ready.set(child, waiting.delta);
  }

  #takeChildren(id: string): readonly string[] {
    const children = this.#children.get(id) ?? [];
    this.#children.delete(id);
    return children;
  }

  #drain(): void {
    const [parent] = this.#draining;
    if (parent === undefined) return;
    const taken = this.#init.spill.take(parent, TAKE);
    if (taken.length < TAKE) this.#draining.delete(parent);
    for (const delta of taken) this.#place(delta);
  }
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

  delete(id: string): void {
    this.#ids.delete(id);
  }

  first(limit: number): readonly string[] {
    return this.#ids.values().take(limit).toArray();
  }
}
