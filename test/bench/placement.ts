/**
 * Placement: 50,000 decisions over 5,000 hosts, from the snapshot to the last decision (making the planner is part of the
 * time), one by one as pods arrive and as one batch. Each round's outcome is checked against the rules, and all rounds
 * must decide alike. The peers are figures as published, printed for orientation: kube-scheduler's includes API writes,
 * Karpenter's `Solve` does not, and both ran on other machines; hence no ratio.
 */
import { createPlanner, type Decision } from "@shoal/shared/decide/placement.ts";
import type { Bench, BenchRow } from "./harness.ts";
import { checkOutcome, lowerBound } from "./placement-check.ts";
import { mixed, plain, PODS, type Scenario } from "./placement-fleet.ts";

const SEED = 20_261_124;
const BATCH_GOAL = 1.02;

interface Case {
  readonly metric: string;
  readonly scenario: Scenario;
  readonly batch: boolean;
  readonly goal: number;
  readonly peer: string;
  readonly peerValue: number;
}

interface Round {
  readonly perSecond: number;
  readonly cpuUsEach: number;
  readonly decisions: readonly Decision[];
}

const KUBE_SCHEDULER = { peer: "kube-scheduler SchedulingBasic 5k/50k, published, with API writes", peerValue: 810 };
const KARPENTER = { peer: "Karpenter Solve, 400 shapes, 5,000 pods, published", peerValue: 1338 };

function decideAll({ scenario, batch }: Case): Round {
  const { hosts, pods, shapes } = scenario;
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const planner = createPlanner(hosts, { shapes });
  const decisions = batch ? planner.placeAll(pods) : pods.map((pod) => planner.place(pod));
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { perSecond: PODS / seconds, cpuUsEach: (user + system) / PODS, decisions };
}

/** Median, smallest and largest. */
function summary(values: readonly number[], digits: number): { value: number; min: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const rounded = (value: number | undefined): number => Number((value ?? 0).toFixed(digits));
  return { value: rounded(sorted[sorted.length >> 1]), min: rounded(sorted[0]), max: rounded(sorted.at(-1)) };
}

function rowsOf(one: Case, rounds: readonly Round[]): readonly BenchRow[] {
  const rate = summary(
    rounds.map(({ perSecond }) => perSecond),
    0,
  );
  const cpu = summary(
    rounds.map(({ cpuUsEach }) => cpuUsEach),
    2,
  );
  const { metric, goal, peer, peerValue } = one;
  const pass = rate.value >= goal;
  return [
    { bench: "placement", metric, ...rate, unit: "decisions/s", peer, peerValue, goal: `>= ${goal}`, pass },
    { bench: "placement", metric: `${metric}, CPU`, ...cpu, unit: "us/decision", goal: "-", pass: true },
  ];
}

async function run({ rounds }: { readonly rounds: number }): Promise<BenchRow[]> {
  const [fit, constrained] = [plain(SEED), mixed(SEED)];
  const cases: readonly Case[] = [
    { metric: "fit only, arriving", scenario: fit, batch: false, goal: 100_000, ...KUBE_SCHEDULER },
    { metric: "fit only, batch", scenario: fit, batch: true, goal: 100_000, ...KUBE_SCHEDULER },
    { metric: "constrained, arriving", scenario: constrained, batch: false, goal: 5000, ...KARPENTER },
    { metric: "constrained, batch", scenario: constrained, batch: true, goal: 5000, ...KARPENTER },
  ];
  const results = cases.map((): Round[] => []);
  const outcomes = cases.map((one) => checkOutcome(one.scenario, decideAll(one).decisions));
  const alike = cases.map((one) => JSON.stringify(decideAll(one).decisions));
  for (let round = 0; round < rounds; round++) {
    for (const [index, one] of cases.entries()) {
      const result = decideAll(one);
      if (JSON.stringify(result.decisions) !== alike[index]) throw new Error(`${one.metric}: rounds differ`);
      results[index]?.push({ ...result, decisions: [] });
    }
  }
  const rows = cases.flatMap((one, index) => rowsOf(one, results[index] ?? []));
  const bound = lowerBound(fit);
  for (const index of [0, 1]) {
    const used = outcomes[index]?.hostsUsed ?? 0;
    const over = Number((used / bound).toFixed(4));
    const complete = outcomes[index]?.placed === PODS;
    rows.push({
      bench: "placement",
      metric: `${cases[index]?.metric}, hosts used`,
      value: used,
      min: used,
      max: used,
      unit: "hosts",
      peer: "lower bound (sum of CPU, memory, slots)",
      peerValue: bound,
      ratio: over,
      goal: index === 1 ? `<= ${BATCH_GOAL}x` : "-",
      pass: complete && (index === 0 || over <= BATCH_GOAL),
    });
  }
  for (const index of [2, 3]) {
    const { placed = 0, provision = 0, unsatisfiable = 0 } = outcomes[index] ?? {};
    rows.push({
      bench: "placement",
      metric: `${cases[index]?.metric}, placed (the others need a new host)`,
      value: placed,
      min: placed,
      max: placed,
      unit: "pods",
      goal: "-",
      pass: placed + provision === PODS && unsatisfiable === 0,
    });
  }
  return rows;
}

export const bench: Bench = {
  name: "placement",
  describe: "50,000 pods on 5,000 hosts: fit only, and with spread, affinity and 400 shapes",
  run,
};
