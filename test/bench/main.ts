/**
 * `npm run bench -- <names> [--json] [--rounds N]`, `npm run bench -- list`. Prints a table, or one JSON object per line. It
 * measures and never judges by its exit code: 0 whenever every bench ran, whatever it found.
 */
import { parseArgs } from "node:util";
import type { Bench, BenchRow } from "./harness.ts";
import { findBench, listBenches } from "./registry.ts";
import { tableOf } from "./support/table.ts";

const DEFAULT_ROUNDS = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false }, rounds: { type: "string" } },
});
const rounds = Number(values.rounds ?? DEFAULT_ROUNDS);

if (positionals.length === 0 || !Number.isInteger(rounds) || rounds < 1) {
  console.error("usage: npm run bench -- <name>... | all | list [--json] [--rounds N]");
  process.exit(2);
}
process.exitCode = positionals[0] === "list" ? await list() : await runAll(positionals);

async function list(): Promise<number> {
  for (const bench of await listBenches()) {
    console.log(values.json ? JSON.stringify({ name: bench.name, describe: bench.describe }) : line(bench));
  }
  return 0;
}

function line(bench: Bench): string {
  return `${bench.name.padEnd(12)} ${bench.describe}`;
}

async function runAll(names: readonly string[]): Promise<number> {
  const benches = names.includes("all") ? await listBenches() : await Promise.all(names.map(findBench));
  let failed = 0;
  for (const [i, bench] of benches.entries()) {
    if (bench === undefined) {
      console.error(`no bench is called ${names[i] ?? ""}: see npm run bench -- list`);
      failed = 2;
      continue;
    }
    try {
      print(await bench.run({ rounds, log: (text) => process.stderr.write(`${bench.name}: ${text}\n`) }));
    } catch (thrown) {
      console.error(`${bench.name} did not run to its end:`, thrown);
      failed = 1;
    }
  }
  return failed;
}

function print(rows: readonly BenchRow[]): void {
  if (values.json) for (const row of rows) console.log(JSON.stringify(row));
  else console.log(tableOf(rows));
}
