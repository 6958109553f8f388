/**
 * Enqueueing: how many intents a second 10 clients of one process make durable together with their wake-ups, and how long
 * one takes from the call to the start of its handler in a worker process, one in flight. Ours reaches the worker as in
 * production, by an HTTP request after the commit; graphile-worker by NOTIFY within it.
 */
import { fork } from "node:child_process";
import { Agent, request } from "node:http";
import { against, interleaved, summarise, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";
import { ownCpuMs, serverCpuMs } from "./support/cpu.ts";
import { graphileEnqueuer, shoalEnqueuer, type Enqueuer } from "./support/enqueuers.ts";
import { startBenchPostgres, type BenchPostgres } from "./support/postgres.ts";
import type { StartMessage, StartPlan } from "./support/start-main.ts";

const CLIENTS = 10;
const WINDOW_MS = 3000;
const WARM_UP = 500;
const STARTS = 300;
const PEER = "graphile-worker 0.18.0 addJob";

interface Rate {
  readonly perSecond: number;
  readonly cpuUs: number;
}

type Open = (url: string) => Promise<Enqueuer>;

async function rateOf(postgres: BenchPostgres, name: string, open: Open): Promise<Rate> {
  const url = await postgres.create(name);
  const queue = await open(url);
  let next = 0;
  for (; next < WARM_UP; next++) await queue.enqueue(next);
  await postgres.settle(url);
  const [cpuBefore, start] = [ownCpuMs() + serverCpuMs(postgres.pid), performance.now()];
  const client = async (): Promise<void> => {
    while (performance.now() - start < WINDOW_MS) await queue.enqueue(next++);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const seconds = (performance.now() - start) / 1000;
  const cpu = ownCpuMs() + serverCpuMs(postgres.pid) - cpuBefore;
  const { intents, wakeUps } = await queue.count();
  if (intents !== next || wakeUps !== next)
    throw new Error(`${name}: ${next} acknowledged, ${intents} and ${wakeUps} there`);
  await queue.close();
  await postgres.drop(name);
  const measured = next - WARM_UP;
  return { perSecond: measured / seconds, cpuUs: (cpu * 1000) / measured };
}

/** Milliseconds from the call to the start of the handler, one at a time. */
async function startsOf(postgres: BenchPostgres, worker: StartPlan["name"], round: number): Promise<number[]> {
  const name = `start_${worker.replace("-", "_")}_${round}`;
  const url = await postgres.create(name);
  const queue = await (worker === "shoal" ? shoalEnqueuer(url) : graphileEnqueuer(url));
  const plan: StartPlan = { name: worker, url };
  const child = fork(new URL("./support/start-main.ts", import.meta.url), [JSON.stringify(plan)]);
  const agent = new Agent({ keepAlive: true });
  try {
    let heard: (message: StartMessage) => void = () => undefined;
    const next = (): Promise<StartMessage> => new Promise((resolve) => (heard = resolve));
    child.on("message", (message) => heard(message as StartMessage));
    const ready = await next();
    const port = "ready" in ready ? ready.ready : 0;
    const knock = (): void => {
      const sent = request({ host: "127.0.0.1", port, method: "POST", agent }, (response) => response.resume());
      sent.on("error", () => undefined); // the worker is ended while it answers the last one
      sent.end();
    };
    const latencies: number[] = [];
    for (let job = 0; job < STARTS + 50; job++) {
      const started = next();
      const calledAt = process.hrtime.bigint();
      await queue.enqueue(job);
      if (worker === "shoal") knock();
      const message = await started;
      if (!("job" in message) || message.job !== job) throw new Error(`${worker} started something else`);
      if (job >= 50) latencies.push(Number(BigInt(message.startedAtNs) - calledAt) / 1e6);
    }
    return latencies;
  } finally {
    agent.destroy();
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    await queue.close();
    await postgres.drop(name);
  }
}

const percentile = (values: readonly number[], p: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * p) / 100))] ?? Number.NaN;

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const postgres = await startBenchPostgres();
  try {
    const rates = await interleaved(
      rounds,
      {
        shoal: (round) => rateOf(postgres, `enqueue_shoal_${round}`, shoalEnqueuer),
        graphile: (round) => rateOf(postgres, `enqueue_graphile_${round}`, graphileEnqueuer),
      },
      (name, round, rate) =>
        log(`round ${round + 1}: ${name} ${rate.perSecond.toFixed(0)}/s, ${rate.cpuUs.toFixed(0)} us CPU`),
    );
    const starts = await interleaved(
      rounds,
      {
        shoal: (round) => startsOf(postgres, "shoal", round),
        graphile: (round) => startsOf(postgres, "graphile", round),
        "graphile-batched": (round) => startsOf(postgres, "graphile-batched", round),
      },
      (name, round, ms) => log(`round ${round + 1}: ${name} starts after p50 ${percentile(ms, 50).toFixed(2)} ms`),
    );
    return [...rateRows(rates), ...startRows(starts)];
  } finally {
    await postgres.stop();
  }
}

function rateRows({ shoal, graphile }: Record<"shoal" | "graphile", Rate[]>): BenchRow[] {
  return [
    against(
      { bench: "enqueue", metric: "intent and wake-up durable, 10 clients", unit: "/s" },
      shoal.map(({ perSecond }) => perSecond),
      { name: PEER, values: graphile.map(({ perSecond }) => perSecond) },
      { text: ">= 10x", pass: (ratio) => ratio >= 10 },
    ),
    against(
      { bench: "enqueue", metric: "CPU client + server", unit: "us each", digits: 1 },
      shoal.map(({ cpuUs }) => cpuUs),
      { name: PEER, values: graphile.map(({ cpuUs }) => cpuUs) },
      { text: "-", pass: () => true },
    ),
  ];
}

function startRows(starts: Record<"shoal" | "graphile" | "graphile-batched", number[][]>): BenchRow[] {
  const at = (p: number, rounds: number[][]): number[] => rounds.map((ms) => percentile(ms, p));
  const best = summarise(at(50, starts.graphile), 3).value <= summarise(at(50, starts["graphile-batched"]), 3).value;
  const peer = best ? starts.graphile : starts["graphile-batched"];
  const name = `graphile-worker 0.18.0, ${best ? "default" : "batched"} (the faster one)`;
  return [50, 99].map((p) =>
    against(
      { bench: "enqueue", metric: `call to start, p${p}`, unit: "ms", digits: 2 },
      at(p, starts.shoal),
      { name, values: at(p, peer) },
      p === 50 ? { text: "<= 1x", pass: (ratio) => ratio <= 1 } : { text: "-", pass: () => true },
    ),
  );
}

export const bench: Bench = {
  name: "enqueue",
  describe: "make intents durable with their wake-ups, and the time from the call to the start of the handler",
  run,
};
