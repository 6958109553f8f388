/**
 * What it takes two nodes to find out which of 100,000 ids each of them lacks: bytes in both directions and questions, against
 * the ids themselves, which is what must be sent whatever the protocol. Half of what differs is new at the one, half at the
 * other; recent differences also all at the peer, as after an absence. A round whose result is not exact is no round.
 */
import type { IdSet } from "@shoal/node/sync/protocols/contract.ts";
import { createIdSet } from "@shoal/node/sync/protocols/id-set.ts";
import { answerReconciliation, startReconciliation } from "@shoal/node/sync/protocols/reconcile.ts";
import { seeded, type Random } from "@shoal/shared/base/random.ts";
import { makePair, PATTERNS, type Pair, type Pattern } from "../unit/node/sync/protocols/pairs.ts";
import { against, alone, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";

const IDS = 100_000;
const DIFFERENCES = [1, 10, 100, 1000, 10_000] as const;
const ID_BYTES = 32;
const GOAL_BYTES = 2;
/** Below so many the question itself is most of it, and there is no goal. */
const GOAL_FROM = 100;
const GOAL_QUESTIONS = 2;
/** Reconciliations in one round, each under a key of its own: a single one may be lucky. */
const KEYS = 5;

interface Sides {
  readonly asker: IdSet;
  readonly peer: IdSet;
}

interface Taken {
  readonly bytes: number;
  readonly questions: number;
  readonly askerMs: number;
  readonly peerMs: number;
}

/** CPU time of this thread, in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function reconcile({ asker, peer }: Sides, difference: number, key: Uint8Array): Taken {
  let [bytes, questions, peerMs] = [0, 0, 0];
  const start = cpuMs();
  const reconciliation = startReconciliation(asker, { key });
  for (let request = reconciliation.request(); request !== undefined; request = reconciliation.request()) {
    const asked = cpuMs();
    const answer = answerReconciliation(peer, request);
    peerMs += cpuMs() - asked;
    questions += 1;
    bytes += request.length + answer.length;
    reconciliation.answer(answer);
  }
  const askerMs = cpuMs() - start - peerMs;
  const { need, have } = reconciliation.difference;
  const isExact =
    need.length + have.length === difference &&
    need.every((id) => peer.has(id) && !asker.has(id)) &&
    have.every((id) => asker.has(id) && !peer.has(id));
  if (!isExact) throw new Error(`${need.length} + ${have.length} ids were found, ${difference} differ`);
  return { bytes, questions, askerMs, peerMs };
}

const sidesOf = ({ asker, peer }: Pair): Sides => ({ asker: createIdSet(asker), peer: createIdSet(peer) });

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function measure(sides: Sides, difference: number, rounds: number, random: Random): readonly Taken[] {
  // The first is the engine's.
  reconcile(sides, difference, random.bytes(16));
  return Array.from({ length: rounds }, () => {
    const taken = Array.from({ length: KEYS }, () => reconcile(sides, difference, random.bytes(16)));
    const of = (field: keyof Taken): number => mean(taken.map((each) => each[field]));
    return { bytes: of("bytes"), questions: of("questions"), askerMs: of("askerMs"), peerMs: of("peerMs") };
  });
}

function rowsOf(what: string, difference: number, taken: readonly Taken[]): readonly BenchRow[] {
  const optimum = difference * ID_BYTES;
  const hasGoal = difference >= GOAL_FROM;
  const named = (metric: string, unit: string, digits: number) => ({
    bench: "sync",
    metric: `${what}, ${metric}`,
    unit,
    digits,
  });
  return [
    against(
      named("bytes", "B", 0),
      taken.map(({ bytes }) => bytes),
      { name: "the ids", values: [optimum] },
      hasGoal ? { text: `<= ${GOAL_BYTES}x`, pass: (ratio) => ratio <= GOAL_BYTES } : { text: "-", pass: () => true },
    ),
    alone(
      named("round trips", "", 1),
      taken.map(({ questions }) => questions),
      { text: `<= ${GOAL_QUESTIONS}`, pass: ({ value }) => value <= GOAL_QUESTIONS },
    ),
    alone(
      named("CPU of the asker", "ms", 1),
      taken.map(({ askerMs }) => askerMs),
    ),
    alone(
      named("CPU of the peer", "ms", 1),
      taken.map(({ peerMs }) => peerMs),
    ),
  ];
}

/** All new at the peer: what a node finds that was away. */
function absence(difference: number, random: Random): Pair {
  const { peer } = makePair(IDS, 0, "recent", random);
  return { asker: peer.slice(0, -difference), peer };
}

async function run({ rounds, log }: BenchOptions): Promise<readonly BenchRow[]> {
  const random = seeded(1);
  const rows: BenchRow[] = [];
  for (const difference of DIFFERENCES) {
    const cases: readonly (readonly [string, Pair])[] = [
      ["newest of the peer", absence(difference, random)],
      ...PATTERNS.map((pattern: Pattern) => [pattern, makePair(IDS, difference, pattern, random)] as const),
    ];
    for (const [name, pair] of cases) {
      const what = `${difference.toLocaleString("en")} ${name}`;
      rows.push(...rowsOf(what, difference, measure(sidesOf(pair), difference, rounds, random)));
      log(what);
    }
  }
  return rows;
}

export const bench: Bench = {
  name: "sync",
  describe: "which of 100,000 ids differ: 1 to 10,000, recent, random and clustered",
  run,
};
