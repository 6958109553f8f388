/**
 * One round of one contestant, in a process of its own: warm up, fill, let the server come to rest, drain, report. What it
 * prints as its last line is the measurement, after the effects were compared with what was asked for.
 */
import { Client } from "pg";
import { contestant, type ContestantName } from "./contestants/contestant.ts";
import { ownCpuMs, serverCpuMs } from "./cpu.ts";

export interface DrainPlan {
  readonly name: ContestantName;
  readonly url: string;
  readonly postmaster: number;
  /** Jobs that wait, and how many of them to run. */
  readonly backlog: number;
  readonly n: number;
  readonly effect: boolean;
}

export interface DrainReport {
  readonly perSecond: number;
  /** Microseconds of CPU for each job. */
  readonly workerUs: number;
  readonly serverUs: number;
}

const WARM_UP = 3000;

const plan = JSON.parse(process.argv[2] ?? "{}") as DrainPlan;
const client = new Client({ connectionString: plan.url });
await client.connect();
await client.query("create table effects (job bigint not null)");
const queue = await contestant(plan.name);
await queue.open(plan.url);
await queue.fill(0, WARM_UP);
await (await queue.drain(WARM_UP, plan.effect)).settle();
await client.query("truncate effects");
await queue.fill(WARM_UP, plan.backlog);
await client.query("vacuum analyze");
await client.query("checkpoint");
globalThis.gc?.();

const [workerBefore, serverBefore, start] = [ownCpuMs(), serverCpuMs(plan.postmaster), performance.now()];
const drained = await queue.drain(plan.n, plan.effect);
const seconds = (performance.now() - start) / 1000;
await drained.settle();
const [worker, server] = [ownCpuMs() - workerBefore, serverCpuMs(plan.postmaster) - serverBefore];

if (plan.effect) {
  const { rows } = await client.query<{ total: number; jobs: number }>(
    "select count(*)::int as total, count(distinct job)::int as jobs from effects",
  );
  const { total, jobs } = rows[0] ?? { total: 0, jobs: 0 };
  const right = plan.n === plan.backlog ? total === plan.n && jobs === plan.n : total === jobs && total >= plan.n;
  if (!right) throw new Error(`${plan.name}: ${total} effects of ${jobs} jobs, ${plan.n} asked for`);
}
await client.end();
await queue.close();
const report: DrainReport = {
  perSecond: plan.n / seconds,
  workerUs: (worker * 1000) / plan.n,
  serverUs: (server * 1000) / plan.n,
};
console.log(JSON.stringify(report));
process.exit(0);
