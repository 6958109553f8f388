/**
 * The rule for concurrent ops (README.md, C3 and C4), over what lies between two cut points: which authorised ops are void
 * because a removal took the right they need, which removals stand where they contradict each other, and the state that the
 * rest gives, each judged again in its place. Everything here is a function of the set of ops.
 */
import { applyAt, noted } from "./apply.ts";
import type { Crypto } from "./case.ts";
import type { Entry } from "./dag.ts";
import { Heap } from "./heap.ts";
import { sourceCircles } from "./circles.ts";
import { compareSeniority, seniorityOf, type Seniority } from "./seniority.ts";
import type { Namespace } from "./state.ts";
import { EFFECTIVE, type OpVerdict, type Refused } from "./verdict.ts";

export interface Resolved {
  readonly state: Namespace | undefined;
  /** In the canonical order. */
  readonly order: readonly Entry[];
  readonly verdicts: ReadonlyMap<Entry, OpVerdict>;
}

export interface Parts {
  readonly crypto: Crypto;
  /** The state that an op was made on. */
  readonly before: (entry: Entry) => Namespace | undefined;
}

/** Parents first; of what is ready removals before others, then the smallest hash. */
function canonicalOrder(entries: readonly Entry[]): readonly Entry[] {
  const rank = ({ take }: Entry): number => (take === undefined ? 1 : 0);
  const ready = new Heap<Entry>((a, b) => rank(a) < rank(b) || (rank(a) === rank(b) && a.hash < b.hash));
  const waits = new Map(entries.map((entry) => [entry, 0]));
  for (const entry of entries) {
    const count = entry.parents.filter((parent) => waits.has(parent)).length;
    waits.set(entry, count);
    if (count === 0) ready.push(entry);
  }
  const order: Entry[] = [];
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    order.push(next);
    for (const child of next.children) {
      const left = waits.get(child);
      if (left === undefined) continue;
      waits.set(child, left - 1);
      if (left === 1) ready.push(child);
    }
  }
  return order;
}

/** Entries of a set that one reaches by parents or by children. */
function reached(from: Entry, within: ReadonlySet<Entry>, way: "parents" | "children"): ReadonlySet<Entry> {
  const found = new Set<Entry>();
  const open = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const next of at[way]) {
      if (!within.has(next) || found.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  return found;
}

/** Why `entry` would be refused in sight of a removal that is concurrent with it; undefined where that takes nothing it needs. */
function takenBy(removal: Entry, entry: Entry, { crypto, before }: Parts): Refused | undefined {
  const known = entry.takenBy;
  if (known.has(removal.takeName) || removal.take === undefined) return known.get(removal.takeName);
  const state = before(entry);
  let taken: Refused | undefined;
  if (state !== undefined) {
    const verdict = applyAt(removal.take(state), entry, crypto);
    if ("refused" in verdict) taken = { refused: verdict.refused.reason, because: verdict.refused.because };
    else if (removal.take(verdict.state) !== verdict.state) {
      taken = { refused: "denied", because: "gives back what was taken" };
    }
  }
  known.set(removal.takeName, taken);
  return taken;
}

/** Of a removal: the authorised ops that it would make void, and what it was made upon. */
interface Reach {
  readonly victims: Set<Entry>;
  readonly past: ReadonlySet<Entry>;
}

type Victims = ReadonlyMap<Entry, Reach>;

function victimsOf(entries: readonly Entry[], parts: Parts): Victims {
  const removals = entries.filter(({ take }) => take !== undefined);
  const within = new Set(entries);
  const all = new Map<Entry, Reach>(
    removals.map((removal) => [removal, { victims: new Set(), past: reached(removal, within, "parents") }]),
  );
  const beside = new Map<Entry, Entry[]>();
  for (const [removal, { past }] of all) {
    const future = reached(removal, within, "children");
    for (const entry of entries) {
      if (entry === removal || entry.cut !== undefined || past.has(entry) || future.has(entry)) continue;
      const known = beside.get(entry);
      if (known === undefined) beside.set(entry, [removal]);
      else known.push(removal);
    }
  }
  // By op and not by removal: neighbours were made on neighbouring states, which are at hand then.
  for (const entry of entries) {
    for (const removal of beside.get(entry) ?? []) {
      if (takenBy(removal, entry, parts) !== undefined) all.get(removal)?.victims.add(entry);
    }
  }
  return all;
}

interface Played {
  readonly state: Namespace | undefined;
  readonly refused: ReadonlyMap<Entry, Refused>;
}

type Voids = ReadonlyMap<Entry, Refused>;

interface Score {
  readonly order: readonly Entry[];
  readonly base: Namespace | undefined;
  readonly crypto: Crypto;
}

/**
 * The state after all that is authorised and not void, each judged where it stands. A removal that is not settled is judged
 * and not applied: whether one is open is no matter of which comes first.
 */
function play({ order, base, crypto }: Score, voids: Voids, settled: ReadonlySet<Entry>): Played {
  const refused = new Map<Entry, Refused>();
  let state = base;
  for (const entry of order) {
    if (entry.cut === undefined && !voids.has(entry)) {
      const verdict = applyAt(state, entry, crypto);
      if ("refused" in verdict)
        refused.set(entry, { refused: verdict.refused.reason, because: verdict.refused.because });
      else if (entry.take === undefined || settled.has(entry)) state = verdict.state;
    }
    if (state !== undefined) state = noted(state, entry);
  }
  return { state, refused };
}

/** A removal that was to stand, and does not after all: it rests on what became void, or another that came up took it. */
interface Fallen {
  readonly entry: Entry;
  readonly why: Refused;
}

const UNFOUNDED: Refused = { refused: "not_permitted", because: "rests on what a removal made void" };

type Felled = ReadonlyMap<Entry, ReadonlySet<Entry>>;

/**
 * What of the open removals each would fell: those that it takes, and those that rest on an op that it takes, which is found
 * out by playing without it.
 */
function felledBy(
  open: readonly Entry[],
  victims: Victims,
  score: Score,
  voids: Voids,
  settled: ReadonlySet<Entry>,
): Felled {
  const felled = new Map<Entry, ReadonlySet<Entry>>();
  for (const removal of open) {
    const taken = victims.get(removal)?.victims ?? new Set();
    const direct = open.filter((each) => taken.has(each));
    const upon = open.filter(
      (each) => each !== removal && !taken.has(each) && victims.get(each)?.past.isDisjointFrom(taken) === false,
    );
    if (upon.length > 0) {
      const without = new Map([...voids, ...[...taken].map((each) => [each, UNFOUNDED] as const)]);
      const { refused } = play(score, without, settled);
      direct.push(...upon.filter((each) => refused.has(each)));
    }
    felled.set(removal, new Set(direct));
  }
  return felled;
}

interface Next {
  readonly removal: Entry;
  /** Removals that it takes and that take it, by however many steps. */
  readonly circle: ReadonlySet<Entry>;
}

/**
 * The removal to be settled next: one that no other takes, or else, of those that only their own circle takes, the senior's.
 * Seniority is what earlier settled removals left of it.
 */
function nextOf(open: readonly Entry[], felled: Felled, settled: ReadonlySet<Entry>, parts: Parts): Next {
  const circles = sourceCircles(open, (removal) => felled.get(removal) ?? []);
  const free = circles.filter((circle) => circle.size === 1);
  const ranked = (free.length > 0 ? free : circles).flatMap((circle) =>
    [...circle].map((removal) => ({ removal, circle, seniority: seniorityLeft(removal, settled, parts) })),
  );
  return ranked.reduce((a, b) => (compareSeniority([a.seniority, a.removal], [b.seniority, b.removal]) <= 0 ? a : b));
}

function seniorityLeft(removal: Entry, settled: ReadonlySet<Entry>, { before }: Parts): Seniority {
  let state = before(removal);
  for (const other of settled) {
    // Only handovers lower a seniority without making the op void.
    if (state !== undefined && other.op.action.type === "TransferOwnership") state = other.take?.(state) ?? state;
  }
  return seniorityOf(state, removal);
}

/** Settles removals one by one; stops at the first that falls, to be begun again without it. */
function settle(score: Score, victims: Victims, fallen: Voids, parts: Parts) {
  const voids = new Map(fallen);
  const settled = new Set<Entry>();
  for (;;) {
    const played = play(score, voids, settled);
    const unfounded = [...settled].find((each) => played.refused.has(each));
    if (unfounded !== undefined) return { fallen: { entry: unfounded, why: UNFOUNDED } satisfies Fallen };
    const open = score.order.filter(
      (each) => victims.has(each) && !settled.has(each) && !voids.has(each) && !played.refused.has(each),
    );
    if (open.length === 0) return { voids, played };
    const felled = felledBy(open, victims, score, voids, settled);
    const inDoubt = new Set(felled.values().flatMap((each) => each));
    const idle = open.filter((each) => victims.get(each)?.victims.size === 0 && !inDoubt.has(each));
    for (const each of idle) settled.add(each);
    if (idle.length > 0) continue;
    const { removal, circle } = nextOf(open, felled, settled, parts);
    settled.add(removal);
    const lost = new Map<Entry, Refused>();
    for (const victim of victims.get(removal)?.victims ?? []) lost.set(victim, takenBy(removal, victim, parts)!);
    // Within a circle the senior's stands, so what would take it does not.
    for (const other of circle) {
      if (lost.has(other) || victims.get(other)?.victims.has(removal) !== true) continue;
      lost.set(other, { refused: "denied", because: "its senior's stands" });
    }
    for (const [victim, why] of lost) {
      if (settled.has(victim)) return { fallen: { entry: victim, why } satisfies Fallen };
      if (!voids.has(victim)) voids.set(victim, why);
    }
  }
}

/** What a region gives upon the state at its base. */
export function resolve(entries: readonly Entry[], base: Namespace | undefined, parts: Parts): Resolved {
  const score = { order: canonicalOrder(entries), base, crypto: parts.crypto };
  const victims = victimsOf(entries, parts);
  const fallen = new Map<Entry, Refused>();
  for (;;) {
    const outcome = settle(score, victims, fallen, parts);
    if (outcome.fallen === undefined) {
      const { voids, played } = outcome;
      return { state: played.state, order: score.order, verdicts: verdictsOf(score.order, voids, played) };
    }
    // Each round begins with one more that has fallen, so there are no more rounds than removals.
    fallen.set(outcome.fallen.entry, outcome.fallen.why);
  }
}

function verdictsOf(order: readonly Entry[], voids: Voids, { refused }: Played): ReadonlyMap<Entry, OpVerdict> {
  const verdictOf = (entry: Entry): OpVerdict => {
    if (entry.cut !== undefined) return { ...entry.cut, at: "cut" };
    const [lost, late] = [voids.get(entry), refused.get(entry)];
    if (lost !== undefined) return { ...lost, at: "concurrent" };
    return late === undefined ? EFFECTIVE : { ...late, at: "order" };
  };
  return new Map(order.map((entry) => [entry, verdictOf(entry)]));
}
