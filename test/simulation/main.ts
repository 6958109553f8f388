/**
 * `npm run sim -- --seeds N [--from S] [--nodes N] [--keep-going]` runs seeds on all cores; `--mutants [NAME …]` runs them on
 * code with a planted fault until it is found. `SEED=… npm run sim` replays one, makes it small and tells its story;
 * `KEEP=1,5 NODES=2 WITHOUT=loss,skewMs` narrow it as the small one was narrowed.
 */
import { parseArgs } from "node:util";
import { FAULTS } from "./mutants.ts";
import { narrowed, replayOf } from "./narrow.ts";
import { planOf, type Plan } from "./plan.ts";
import { createPool, type Pool } from "./pool.ts";
import { shrink } from "./shrink.ts";
import { SOMETIMES } from "./sometimes.ts";
import type { Verdict } from "./verdict.ts";

const SHRINK_RUNS = 400;
const MUTANT_SEEDS = 1000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    nodes: { type: "string" },
    mutants: { type: "boolean", default: false },
    "keep-going": { type: "boolean", default: false },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const options = values.nodes === undefined ? {} : { nodes: Number(values.nodes) };

process.exitCode = await (process.env["SEED"] !== undefined
  ? replay(Number(process.env["SEED"]))
  : values.mutants
    ? mutants()
    : many());

async function replay(seed: number): Promise<number> {
  const pool = createPool(process.env["PLANTED"], 1);
  try {
    const plan = narrowed(planOf(seed, options), process.env);
    const verdict = await pool.run(plan);
    const again = await pool.run(plan);
    say(
      `SEED=${seed} ${verdict.events} events, ${Math.round(verdict.virtualMs / 1000)} virtual s, hash ${verdict.hash}`,
    );
    if (again.hash !== verdict.hash) say(`the second run gave another hash: ${again.hash}`);
    if (verdict.failure !== undefined) await tell(pool, plan, verdict);
    return verdict.failure === undefined && again.hash === verdict.hash ? 0 : 1;
  } finally {
    pool.close();
  }
}

/** Shrinks what failed and prints how to see it again. */
async function tell(pool: Pool, plan: Plan, { failure }: Verdict): Promise<void> {
  if (failure === undefined) return;
  say(`SEED=${plan.seed} ${failure.invariant} at ${Math.round(failure.atMs)} ms: ${failure.detail}`);
  const fails = async (candidate: Plan): Promise<boolean> =>
    (await pool.run(candidate)).failure?.invariant === failure.invariant;
  const small = await shrink(plan, { fails, runs: SHRINK_RUNS });
  const { failure: last, tail } = await pool.run(small);
  say(`  smallest found: ${small.nodes} nodes, ${small.steps.length} steps of ${plan.steps.length}`);
  for (const step of small.steps) say(`    ${step.atMs} ms  ${step.kind}  #${step.id}`);
  say(`  ${last?.invariant ?? "?"} at ${Math.round(last?.atMs ?? 0)} ms: ${last?.detail ?? ""}`);
  for (const line of tail.slice(-40)) say(`    | ${line}`);
  const more = values.nodes === undefined ? "" : ` -- --nodes ${values.nodes}`;
  say(`  replay: ${replayOf(planOf(plan.seed, options), small)} npm run sim${more}`);
}

async function many(): Promise<number> {
  const pool = createPool(process.env["PLANTED"]);
  const count = Number(values.seeds);
  const began = performance.now();
  const totals = { seeds: 0, events: 0, virtualMs: 0, failures: 0 };
  const sometimes = new Map<string, number>();
  const queue = Array.from({ length: count }, (_, at) => Number(values.from) + at);
  const next = async (): Promise<void> => {
    for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
      const plan = planOf(seed, options);
      const verdict = await pool.run(plan);
      totals.seeds += 1;
      totals.events += verdict.events;
      totals.virtualMs += verdict.virtualMs;
      for (const [name, times] of Object.entries(verdict.sometimes))
        sometimes.set(name, (sometimes.get(name) ?? 0) + times);
      if (verdict.failure === undefined) continue;
      totals.failures += 1;
      if (values["keep-going"]) {
        say(
          `SEED=${seed} ${verdict.failure.invariant} at ${Math.round(verdict.failure.atMs)} ms: ${verdict.failure.detail}`,
        );
      } else {
        queue.length = 0;
        await tell(pool, plan, verdict);
      }
    }
  };
  await Promise.all(Array.from({ length: pool.size }, next));
  pool.close();
  const seconds = (performance.now() - began) / 1000;
  say(
    `${totals.seeds} seeds, ${totals.failures} failed; ${(totals.seeds / seconds).toFixed(1)} seeds/s, ` +
      `${Math.round(totals.events / seconds)} events/s, ${Math.round(totals.virtualMs / 1000 / seconds)} times real time`,
  );
  const never = SOMETIMES.filter((name) => (sometimes.get(name) ?? 0) === 0);
  for (const name of SOMETIMES) say(`  ${String(sometimes.get(name) ?? 0).padStart(8)}  ${name}`);
  if (never.length > 0) say(`never happened: ${never.join(", ")}`);
  return totals.failures > 0 ? 1 : 0;
}

async function mutants(): Promise<number> {
  const wanted = FAULTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const sound = createPool(undefined, 1);
  let missed = 0;
  for (const { name, breaks } of wanted) {
    const began = performance.now();
    const found = await findFault(name, sound);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const how = found === undefined ? "NOT FOUND" : `seed ${found.seed}, ${found.failure?.invariant ?? ""}`;
    if (found === undefined) missed += 1;
    say(`${name.padEnd(24)} ${how.padEnd(24)} ${seconds.padStart(6)} s  ${breaks}`);
  }
  sound.close();
  say(`${wanted.length - missed} of ${wanted.length} planted faults found`);
  return missed === 0 ? 0 : 1;
}

/** The first seed that fails with the fault, and without it does not. */
async function findFault(name: string, sound: Pool): Promise<Verdict | undefined> {
  const pool = createPool(name);
  let found: Verdict | undefined;
  let seed = Number(values.from);
  const last = seed + MUTANT_SEEDS;
  const next = async (): Promise<void> => {
    while (found === undefined && seed < last) {
      const plan = planOf(seed++, options);
      const verdict = await pool.run(plan);
      if (verdict.failure !== undefined && (await sound.run(plan)).failure === undefined) found ??= verdict;
    }
  };
  await Promise.all(Array.from({ length: pool.size }, next));
  pool.close();
  return found;
}
