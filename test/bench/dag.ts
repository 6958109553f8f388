/**
 * Causal order at a cost that does not depend on how deltas arrive: a chain of 10,000 in order, reversed and shuffled, each
 * decoded and named by its hash as a node does before it can place it; and placing alone, which is where an order could hurt.
 * A round in which a delta came before its parent, or did not come, is no round.
 */
import { base58 } from "@scure/base";
import { openDag, type DagDelta } from "@shoal/node/dag/dag.ts";
import { decodeDelta, deltaIdOf, encodeDelta, type DeltaBody } from "@shoal/node/dag/delta.ts";
import { against, alone, interleaved, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";

const DELTAS = 10_000;
const GOAL = 2;
/** Until the engine has compiled for speed. */
const WARM_UPS = 5;
/** Chains that are placed in one measurement: one alone is over in a few milliseconds. */
const REPEATS = 5;

type Arrival = "in order" | "reversed" | "shuffled";
const ARRIVALS: readonly Arrival[] = ["in order", "reversed", "shuffled"];

interface Chain {
  readonly bytes: readonly Uint8Array[];
  readonly deltas: readonly DagDelta[];
}

/** Each upon the one before, with an artifact of the size that a call on a map makes. */
function makeChain(): Chain {
  const bytes: Uint8Array[] = [];
  const deltas: DagDelta[] = [];
  let parents: readonly Uint8Array[] = [];
  for (let at = 0; at < DELTAS; at++) {
    const body: DeltaBody = {
      context: new Uint8Array(32).fill(1),
      parents,
      artifact: new Uint8Array(200).fill(at & 0xff),
      hlc: { time: BigInt(at + 1), node: 7n },
      expectedRoot: new Uint8Array(32).fill(2),
      author: new Uint8Array(32).fill(3),
      position: [],
      events: [],
    };
    const id = deltaIdOf(body);
    bytes.push(encodeDelta({ ...body, id, signature: new Uint8Array(64) }));
    deltas.push(namesOf(id, parents));
    parents = [id];
  }
  return { bytes, deltas };
}

const namesOf = (id: Uint8Array, parents: readonly Uint8Array[]): DagDelta => ({
  id: base58.encode(id),
  parents: parents.map((parent) => base58.encode(parent)),
});

/** Positions in the order of arrival; the shuffle is the same in every run. */
function orderOf(arrival: Arrival): readonly number[] {
  const order = Array.from({ length: DELTAS }, (_, at) => at);
  if (arrival === "reversed") return order.reverse();
  if (arrival === "in order") return order;
  let state = 1;
  for (let at = DELTAS - 1; at > 0; at--) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const other = state % (at + 1);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return order;
}

/** CPU time of this thread, in microseconds. */
function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Microseconds for each delta. */
function place(
  order: readonly number[],
  deltaAt: (position: number) => DagDelta,
  expected: readonly DagDelta[],
): number {
  const start = cpuUs();
  const dag = openDag<DagDelta>({
    heads: [],
    isApplied: () => false,
    waiting: [],
    spill: { put: () => undefined, take: () => [], has: () => false, size: 0 },
    maxWaiting: DELTAS,
  });
  let applied = 0;
  for (const position of order) {
    dag.add(deltaAt(position));
    for (let delta = dag.next(); delta !== undefined; delta = dag.next()) {
      if (delta.id !== expected[applied]?.id) throw new Error(`delta ${applied} was handed out at the wrong time`);
      dag.applied(delta.id);
      applied += 1;
    }
  }
  if (applied !== DELTAS) throw new Error(`${applied} of ${DELTAS} deltas were handed out`);
  return (cpuUs() - start) / DELTAS;
}

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const { bytes, deltas } = makeChain();
  const orders = Object.fromEntries(ARRIVALS.map((arrival) => [arrival, orderOf(arrival)])) as Record<
    Arrival,
    readonly number[]
  >;
  const contestants = (deltaAt: (position: number) => DagDelta): Record<Arrival, () => Promise<number>> =>
    Object.fromEntries(
      ARRIVALS.map((arrival) => [
        arrival,
        async () => {
          let sum = 0;
          for (let repeat = 0; repeat < REPEATS; repeat++) sum += place(orders[arrival], deltaAt, deltas);
          return sum / REPEATS;
        },
      ]),
    ) as Record<Arrival, () => Promise<number>>;
  const decoded = (position: number): DagDelta => {
    const { id, parents } = decodeDelta(bytes[position]!);
    return namesOf(id, parents);
  };
  const rows: BenchRow[] = [];
  for (const [what, deltaAt] of [
    ["decode, hash and place", decoded],
    ["place", (position: number) => deltas[position]!],
  ] as const) {
    await interleaved(WARM_UPS, contestants(deltaAt));
    const measured = await interleaved(rounds, contestants(deltaAt));
    log(what);
    const row = { bench: "dag", unit: "µs CPU", digits: 2 };
    rows.push(alone({ ...row, metric: `${what}, in order` }, measured["in order"]));
    for (const arrival of ["reversed", "shuffled"] as const) {
      const goal =
        arrival === "reversed"
          ? { text: `<= ${GOAL}x`, pass: (ratio: number) => ratio <= GOAL }
          : { text: "-", pass: () => true };
      const peer = { name: "in order", values: measured["in order"] };
      rows.push(against({ ...row, metric: `${what}, ${arrival}` }, measured[arrival], peer, goal));
    }
  }
  return rows;
}

export const bench: Bench = {
  name: "dag",
  describe: "a chain of 10,000 deltas in order, reversed and shuffled",
  run,
};
