/**
 * Draining due work: the dispatcher's engine against graphile-worker and pg-boss, each as fast as its own documentation makes
 * it, one process per round on one durable PostgreSQL. With an effect, each job commits one row: ours within the completing
 * statement (once), theirs in a statement of its own before it (at least once), which is the difference that is measured.
 */
import { Client } from "pg";
import { against, alone, interleaved, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";
import { runChild } from "./support/child.ts";
import type { ContestantName } from "./support/contestants/contestant.ts";
import { createShoal } from "./support/contestants/shoal.ts";
import type { DrainPlan, DrainReport } from "./support/drain-main.ts";
import type { KillPlan, KillReport } from "./support/kill-main.ts";
import { startBenchPostgres, type BenchPostgres } from "./support/postgres.ts";

const EFFECT_JOBS = 10_000;
const NO_OP_JOBS = 20_000;
const BACKLOG = { small: 2000, large: 200_000, drained: 2000 } as const;
const KILL = { jobs: 6000, leaseMs: 3000 } as const;
const GRAPHILE = "graphile-worker 0.18.0, local queue 500, batched";
const PG_BOSS = "pg-boss 12.27.0, fetch(100) x 4";

const cpuOf = (report: DrainReport): number => report.workerUs + report.serverUs;
const rateOf = (report: DrainReport): number => report.perSecond;

function drainer(postgres: BenchPostgres, log: BenchOptions["log"]) {
  return (name: ContestantName, effect: boolean, backlog: number, n: number) =>
    async (round: number): Promise<DrainReport> => {
      const database = `drain_${name.replace("-", "_")}_${round}`;
      const plan: DrainPlan = {
        name,
        url: await postgres.create(database),
        postmaster: postgres.pid,
        backlog,
        n,
        effect,
      };
      const report = await runChild<DrainReport>(new URL("./support/drain-main.ts", import.meta.url), plan);
      await postgres.drop(database);
      const what = `${n} of ${backlog}${effect ? " with an effect" : ""}`;
      log(
        `round ${round + 1}: ${name} ran ${what}: ${rateOf(report).toFixed(0)}/s, ${cpuOf(report).toFixed(0)} us CPU each`,
      );
      return report;
    };
}

function comparison(kind: string, results: Record<ContestantName, DrainReport[]>, goals: Goals): BenchRow[] {
  const [ours, graphile, boss] = [results.shoal, results.graphile, results["pg-boss"]];
  const rate = { bench: "dispatch", metric: `${kind}, rate`, unit: "tasks/s" };
  const cpu = { bench: "dispatch", metric: `${kind}, CPU worker + server`, unit: "us/task", digits: 1 };
  const shown = { text: "-", pass: () => true };
  return [
    against(rate, ours.map(rateOf), { name: GRAPHILE, values: graphile.map(rateOf) }, goals.rate),
    against(cpu, ours.map(cpuOf), { name: GRAPHILE, values: graphile.map(cpuOf) }, goals.cpu),
    against(rate, ours.map(rateOf), { name: PG_BOSS, values: boss.map(rateOf) }, shown),
    against(cpu, ours.map(cpuOf), { name: PG_BOSS, values: boss.map(cpuOf) }, shown),
  ];
}

interface Goal {
  readonly text: string;
  pass(ratio: number): boolean;
}

interface Goals {
  readonly rate: Goal;
  readonly cpu: Goal;
}

/** Lost, doubled, and how long after the kill everything was done. */
async function killOnce(
  postgres: BenchPostgres,
  round: number,
): Promise<{ lost: number; doubled: number; ms: number }> {
  const name = `kill_${round}`;
  const url = await postgres.create(name);
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query("create table effects (job bigint not null)");
  const queue = createShoal();
  await queue.open(url);
  await queue.fill(0, KILL.jobs);
  await queue.close();
  await postgres.settle(url);
  const program = new URL("./support/kill-main.ts", import.meta.url);
  const doomed: KillPlan = { url, leaseMs: KILL.leaseMs, dieAfter: KILL.jobs / 3 };
  await runChild(program, doomed).catch(() => undefined);
  const killedAt = Date.now();
  const { rows: before } = await client.query<{ n: number }>("select count(*)::int as n from effects");
  if ((before[0]?.n ?? KILL.jobs) >= KILL.jobs) throw new Error("the worker was not killed in the middle");
  const rest: KillPlan = { url, leaseMs: KILL.leaseMs };
  const { doneAt } = await runChild<KillReport>(program, rest);
  const { rows } = await client.query<{ total: number; jobs: number; left: number }>(
    "select count(*)::int as total, count(distinct job)::int as jobs, (select count(*)::int from tasks) as left from effects",
  );
  await client.end();
  await postgres.drop(name);
  const { total = 0, jobs = 0, left = 0 } = rows[0] ?? {};
  if (left !== 0) throw new Error(`${left} tasks were left behind`);
  return { lost: KILL.jobs - jobs, doubled: total - jobs, ms: doneAt - killedAt };
}

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const postgres = await startBenchPostgres();
  try {
    const drain = drainer(postgres, log);
    const all = (effect: boolean, n: number) => ({
      shoal: drain("shoal", effect, n, n),
      graphile: drain("graphile", effect, n, n),
      "pg-boss": drain("pg-boss", effect, n, n),
    });
    const effect = await interleaved(rounds, all(true, EFFECT_JOBS));
    const noOp = await interleaved(rounds, all(false, NO_OP_JOBS));
    const backlog = await interleaved(rounds, {
      small: drain("shoal", false, BACKLOG.small, BACKLOG.drained),
      large: drain("shoal", false, BACKLOG.large, BACKLOG.drained),
    });
    const kills = await interleaved(rounds, { kill: (round) => killOnce(postgres, round) });
    const none = { text: "0", pass: ({ max }: { readonly max: number }) => max === 0 };
    return [
      ...comparison("one effect each", effect, {
        rate: { text: ">= 3x", pass: (ratio) => ratio >= 3 },
        cpu: { text: "<= 0.333x", pass: (ratio) => ratio <= 1 / 3 },
      }),
      ...comparison("no-op", noOp, {
        rate: { text: ">= 1x", pass: (ratio) => ratio >= 1 },
        cpu: { text: "-", pass: () => true },
      }),
      against(
        { bench: "dispatch", metric: "CPU at a backlog of 200k", unit: "us/task", digits: 1 },
        backlog.large.map(cpuOf),
        { name: "itself at 2k", values: backlog.small.map(cpuOf) },
        { text: "<= 1.25x", pass: (ratio) => ratio <= 1.25 },
      ),
      alone(
        { bench: "dispatch", metric: "SIGKILL at a third, lost", unit: "tasks" },
        kills.kill.map(({ lost }) => lost),
        none,
      ),
      alone(
        { bench: "dispatch", metric: "SIGKILL at a third, doubled", unit: "tasks" },
        kills.kill.map(({ doubled }) => doubled),
        none,
      ),
      alone(
        { bench: "dispatch", metric: "SIGKILL at a third, all done after", unit: "ms" },
        kills.kill.map(({ ms }) => ms),
        {
          text: `<= ${KILL.leaseMs + 1000} (lease + 1 s)`,
          pass: ({ max }) => max <= KILL.leaseMs + 1000,
        },
      ),
    ];
  } finally {
    await postgres.stop();
  }
}

export const bench: Bench = {
  name: "dispatch",
  describe: "drain due tasks with one effect each and without, at two backlogs, and with a killed worker",
  run,
};
