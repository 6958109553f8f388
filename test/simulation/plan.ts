/**
 * What a seed amounts to, as data: nodes, the quality of their wires and disks, and steps with their times. A step carries
 * its own chance (`picks`), so that leaving others out, which is how failures are made small, changes nothing in it.
 */
import { below, seeded, type Random } from "@shoal/shared/base/random.ts";

/** What people, machines and attackers do. The number: how often, in a plan that likes it as much as the others. */
const WEIGHTS = {
  write: 40,
  read: 4,
  xcall: 3,
  createContext: 4,
  enterContext: 4,
  invite: 8,
  inviteExpired: 2,
  revoke: 2,
  add: 3,
  remove: 4,
  removeAndPromote: 2,
  role: 4,
  leave: 2,
  capabilities: 2,
  transfer: 1,
  subgroup: 2,
  subgroupVisibility: 1,
  reparent: 1,
  contextVisibility: 2,
  allowlist: 2,
  autoFollow: 2,
  restart: 3,
  crash: 4,
  partition: 4,
  cutOneWay: 2,
  heal: 4,
  slow: 2,
  skew: 2,
  fullDisk: 1,
  forge: 8,
} as const;
export type StepKind = keyof typeof WEIGHTS;
const KINDS = Object.keys(WEIGHTS) as StepKind[];

export interface Step {
  /** Its place in the plan of the seed: what `KEEP` names. */
  readonly id: number;
  readonly atMs: number;
  readonly kind: StepKind;
  /** Four numbers in [0, 1); what they choose is the step's business. */
  readonly picks: readonly [number, number, number, number];
}

export interface Plan {
  readonly seed: number;
  readonly nodes: number;
  /** Of the nodes, the last ones: they hold every right that they were given, and lie. */
  readonly hostile: number;
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly loss: number;
  readonly duplication: number;
  readonly breakage: number;
  readonly writeMs: number;
  readonly syncMs: number;
  /** Largest error of a node's clock, milliseconds. */
  readonly skewMs: number;
  readonly steps: readonly Step[];
}

/** When people begin, and how long what they do and what befalls them takes. */
export const SETUP_MS = 8_000;
const SPANS = [20_000, 60_000, 180_000] as const;
const MOST_NODES = 50;

export interface PlanOptions {
  /** Instead of the seed's own number. */
  readonly nodes?: number;
}

export function planOf(seed: number, { nodes }: PlanOptions = {}): Plan {
  const random = seeded(seed).child("plan");
  const size = nodes ?? sizeOf(random);
  const span = pick(random, SPANS);
  const count = 10 + below(random, 70) + size;
  const weights = likings(random.child("likings"));
  const shape = random.child("shape");
  const calm = shape.next() < 0.2;
  return {
    seed,
    nodes: size,
    hostile: shape.next() < 0.5 && size > 2 ? 1 + below(shape, Math.min(2, size - 2)) : 0,
    latencyMs: pick(shape, [1, 5, 40, 150]),
    jitterMs: pick(shape, [0, 2, 50, 400]),
    loss: calm ? 0 : pick(shape, [0, 0.05, 0.3]),
    duplication: calm ? 0 : pick(shape, [0, 0.05, 0.3]),
    breakage: calm ? 0 : pick(shape, [0, 0.002, 0.02]),
    writeMs: pick(shape, [0, 0, 2]),
    syncMs: pick(shape, [0, 0, 5, 100]),
    skewMs: pick(shape, [0, 500, 20_000, 3_600_000]),
    steps: stepsOf(random.child("steps"), weights, count, span),
  };
}

/** Mostly few nodes, since most faults need no more, and are found sooner with them. */
function sizeOf(random: Random): number {
  const chance = random.next();
  if (chance < 0.75) return 2 + below(random, 5);
  if (chance < 0.97) return 6 + below(random, 8);
  return 14 + below(random, MOST_NODES - 13);
}

/** Each plan has its own likings, and things that it never does: what is common in none is rare in few. */
function likings(random: Random): ReadonlyMap<StepKind, number> {
  return new Map(
    KINDS.map((kind) => [kind, WEIGHTS[kind] * pick(random, kind === "write" ? [0.5, 1, 2] : [0, 1, 1, 5])]),
  );
}

function stepsOf(random: Random, weights: ReadonlyMap<StepKind, number>, count: number, spanMs: number): Step[] {
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  const steps: Step[] = [];
  let atMs = SETUP_MS;
  for (let id = 0; id < count; id++) {
    // In bursts: what happens at one moment is what happens side by side.
    if (random.next() < 0.6) atMs += (-Math.log(1 - random.next()) * spanMs) / count / 0.6;
    steps.push({
      id,
      atMs: Math.round(atMs * 1000) / 1000,
      kind: weighted(random, weights, total),
      picks: four(random),
    });
  }
  return steps;
}

function weighted(random: Random, weights: ReadonlyMap<StepKind, number>, total: number): StepKind {
  let left = random.next() * total;
  for (const [kind, weight] of weights) {
    left -= weight;
    if (left < 0) return kind;
  }
  return "write";
}

const four = (random: Random): [number, number, number, number] => [
  random.next(),
  random.next(),
  random.next(),
  random.next(),
];

/** One of `choices`, by chance. */
export function pick<T>(random: Random, choices: readonly T[]): T {
  return chosen(random.next(), choices)!;
}

/** One of `choices` by a number in [0, 1); undefined where there is none. */
export function chosen<T>(share: number, choices: readonly T[]): T | undefined {
  return choices[Math.floor(share * choices.length)];
}
