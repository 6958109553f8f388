/**
 * A pass over N processors of which c have to be acted on, against a pass that lists everything: the production orchestrator on
 * a durable PostgreSQL, and a cluster behind the `Pods` port that counts what is asked of it. A change is a pod of an epoch
 * that is over: exactly one deletion each is right, and a round fails where the calls are not those. What the API's own wire costs (two short
 * watches a pass) is not in the figures.
 */
import { alone, against, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";
import { startBenchPostgres } from "./support/postgres.ts";
import { openWorld, type World } from "./support/reconcile-world.ts";
import { listEverything } from "./support/list-everything.ts";

const SIZES = [1000, 10_000, 100_000] as const;
const CHANGES = [10, 100, 1000] as const;
/** The server's CPU is counted in ticks of 10 ms: short passes are taken together, so many of each kind. */
const QUIET_SLICES = 6;
const QUIET_PASSES = 25;
const CHANGED_PASSES: Readonly<Record<number, number>> = { 10: 20, 100: 6, 1000: 2 };

interface Cost {
  readonly cpuMs: number;
  readonly statements: number;
  readonly rows: number;
  readonly apiCalls: number;
  readonly apiWrites: number;
}

const FIGURES = ["cpuMs", "statements", "rows", "apiCalls", "apiWrites"] as const;

interface Taken {
  readonly quiet: Cost;
  readonly peer: Cost;
  readonly changed: Readonly<Record<number, Cost>>;
  readonly secondWrites: number;
}

/** What `work` costs; reading the meters costs too, so short work is repeated inside of it. */
async function costOf(world: World, work: () => Promise<void>): Promise<Cost> {
  const now = (): Cost => ({ cpuMs: world.cpuMs(), apiWrites: world.cluster.writes(), ...world.counts() });
  const before = now();
  await work();
  const after = now();
  return combined([after, before], ([end, start]) => (end ?? 0) - (start ?? 0));
}

function combined(costs: readonly Cost[], how: (figures: readonly number[]) => number): Cost {
  const figure = (name: (typeof FIGURES)[number]): number => how(costs.map((cost) => cost[name]));
  return Object.fromEntries(FIGURES.map((name) => [name, figure(name)])) as unknown as Cost;
}

const mean = (costs: readonly Cost[], per = 1): Cost =>
  combined(costs, (figures) => figures.reduce((sum, figure) => sum + figure, 0) / (figures.length * per));

async function quietly(world: World): Promise<void> {
  const result = await world.pass();
  if (result.wrote || result.looked > 0) throw new Error("a pass without changes was not quiet");
}

/** Passes without changes over all worlds in turn, so that a noisy neighbour hits all sizes alike. */
async function quietCosts(worlds: ReadonlyMap<number, World>): Promise<ReadonlyMap<number, Cost>> {
  const slices = new Map<number, Cost[]>();
  for (let slice = 0; slice < QUIET_SLICES; slice++) {
    for (const [size, world] of worlds) {
      const cost = await costOf(world, async () => {
        for (let i = 0; i < QUIET_PASSES; i++) await quietly(world);
      });
      slices.set(size, [...(slices.get(size) ?? []), cost]);
    }
  }
  return new Map([...slices].map(([size, costs]) => [size, mean(costs, QUIET_PASSES)]));
}

/** One round on one world: the peer, and c changes with a second pass each. */
async function take(world: World, quiet: Cost): Promise<Taken> {
  const peer = await costOf(world, async () => {
    if ((await listEverything(world.database, world.cluster)) > 0) throw new Error("the peer found something to do");
  });
  const changed: Record<number, Cost> = {};
  let secondWrites = 0;
  for (const c of CHANGES) {
    const costs: Cost[] = [];
    for (let i = 0; i < (CHANGED_PASSES[c] ?? 1); i++) {
      world.leave(c);
      const cost = await costOf(world, async () => void (await world.pass()));
      if (cost.apiWrites !== c) throw new Error(`${c} changes caused ${cost.apiWrites} writes`);
      costs.push(cost);
      // The pass after sees the pods go, and has nothing to do about it.
      secondWrites += (await costOf(world, async () => void (await world.pass()))).apiWrites;
      await quietly(world);
    }
    changed[c] = mean(costs);
  }
  return { quiet, peer, changed, secondWrites };
}

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const postgres = await startBenchPostgres();
  const taken = new Map<number, Taken[]>(SIZES.map((size) => [size, []]));
  try {
    const worlds = new Map<number, World>();
    for (const size of SIZES) {
      const url = await postgres.create(`reconcile_${size}`);
      worlds.set(size, await openWorld(url, postgres.pid, size));
      await postgres.settle(url);
      log(`${size} processors run`);
    }
    for (let round = 0; round < rounds; round++) {
      const quiet = await quietCosts(worlds);
      for (const [size, world] of worlds) {
        const cost = quiet.get(size);
        if (cost === undefined) throw new Error(`nothing was measured at ${size}`);
        const one = await take(world, cost);
        taken.get(size)?.push(one);
        log(
          `round ${round + 1}: ${size}: quiet ${one.quiet.cpuMs.toFixed(2)} ms, list-everything ${one.peer.cpuMs.toFixed(0)} ms CPU`,
        );
      }
    }
    for (const world of worlds.values()) await world.close();
  } finally {
    await postgres.stop();
  }
  return rowsOf(taken);
}

function rowsOf(taken: ReadonlyMap<number, readonly Taken[]>): BenchRow[] {
  const of = (size: number, figure: (one: Taken) => number): number[] => (taken.get(size) ?? []).map(figure);
  const row = (metric: string, unit: string, digits = 0) => ({ bench: "reconcile", metric, unit, digits });
  const cpuAt = (size: number, c: number): number[] => of(size, (one) => one.changed[c]?.cpuMs ?? 0);
  const perChange = (size: number): number[] =>
    of(size, ({ quiet, changed }) => Math.max(0, (changed[1000]?.cpuMs ?? 0) - quiet.cpuMs) / 1000);
  const fewer = (size: number): number[] =>
    of(size, ({ quiet, changed }) => Math.max(0.001, (changed[100]?.cpuMs ?? 0) - quiet.cpuMs) / 100);
  const all = SIZES.flatMap((size) => taken.get(size) ?? []);
  return [
    alone(
      row("no change at 100k, CPU orchestrator + server", "ms/pass", 2),
      of(100_000, (one) => one.quiet.cpuMs),
      {
        text: "<= 5 ms",
        pass: ({ value }) => value <= 5,
      },
    ),
    against(
      row("no change at 100k, CPU", "ms/pass", 2),
      of(100_000, (one) => one.quiet.cpuMs),
      { name: "itself at 1k", values: of(1000, (one) => one.quiet.cpuMs) },
      { text: "<= 1.5x", pass: (ratio) => ratio <= 1.5 },
    ),
    against(
      row("no change at 100k, CPU", "ms/pass", 2),
      of(100_000, (one) => one.quiet.cpuMs),
      { name: "list-everything pass at 100k", values: of(100_000, (one) => one.peer.cpuMs) },
      { text: "-", pass: () => true },
    ),
    alone(
      row("no change at 100k, SQL statements", "a pass"),
      of(100_000, (one) => one.quiet.statements),
    ),
    alone(
      row("no change at 100k, SQL rows", "a pass"),
      of(100_000, (one) => one.quiet.rows),
    ),
    alone(
      row("no change at 100k, API calls (two watches)", "a pass"),
      of(100_000, (one) => one.quiet.apiCalls),
    ),
    ...SIZES.flatMap((size) =>
      CHANGES.map((c) => alone(row(`${c} changes at ${size / 1000}k, CPU`, "ms/pass", 1), cpuAt(size, c))),
    ),
    ...SIZES.map((size) =>
      against(
        row(`1,000 changes at ${size / 1000}k, CPU for each`, "ms", 3),
        perChange(size),
        { name: "of 100 changes", values: fewer(size) },
        { text: "<= 1.5x (linear)", pass: (ratio) => ratio <= 1.5 },
      ),
    ),
    alone(
      row("1,000 changes at 100k, SQL statements", "a pass"),
      of(100_000, (one) => one.changed[1000]?.statements ?? 0),
    ),
    alone(
      row("1,000 changes at 100k, SQL rows", "a pass"),
      of(100_000, (one) => one.changed[1000]?.rows ?? 0),
    ),
    alone(
      row("API writes beyond one a change", "calls"),
      all.map(({ changed }) =>
        CHANGES.reduce((sum, c) => sum + Math.abs(Math.round(changed[c]?.apiWrites ?? 0) - c), 0),
      ),
      { text: "0", pass: ({ max, min }) => max === 0 && min === 0 },
    ),
    alone(
      row("API writes of the pass after", "calls"),
      all.map((one) => one.secondWrites),
      {
        text: "0",
        pass: ({ max }) => max === 0,
      },
    ),
  ];
}

export const bench: Bench = {
  name: "reconcile",
  describe: "a pass over 1k, 10k and 100k processors, with 0 to 1,000 changes, against one that lists everything",
  run,
};
