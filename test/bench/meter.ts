/**
 * What metering costs: ten small programs as they are and as the node prepares them (gas, stack, memory and NaNs), in the same
 * engine, in turn. A round in which the two give different results, or one in which gas differs from the first, is no round.
 */
import { readMeters, setMeters } from "@shoal/node/runtime/module/meters.ts";
import { prepareModule } from "@shoal/node/runtime/module/prepare.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { wat } from "../support/wat.ts";
import { against, alone, interleaved, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";
import { KERNELS, type Kernel } from "./support/meter-kernels.ts";

const GOAL = 1.35;
const GAS = 1n << 60n;
/** Until the engine has compiled the loops for speed. */
const WARM_UPS = 3;

interface Measured {
  readonly kernel: Kernel;
  readonly plainMs: readonly number[];
  readonly meteredMs: readonly number[];
  readonly gas: bigint;
}

/** CPU time of this thread: whoever else runs on the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function timed(instance: WebAssembly.Instance, n: number): { ms: number; result: bigint } {
  const run = instance.exports["run"] as (n: number) => bigint;
  const start = cpuMs();
  const result = run(n);
  return { ms: cpuMs() - start, result };
}

async function measure(kernel: Kernel, rounds: number): Promise<Measured> {
  const bytes = await wat(kernel.text);
  const plain = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const metered = new WebAssembly.Instance(new WebAssembly.Module(prepareModule(bytes, DEFAULT_LIMITS).bytes));
  let gas: bigint | undefined;
  let result: bigint | undefined;
  const agree = (found: bigint): void => {
    if (result !== undefined && found !== result) throw new Error(`${kernel.name}: ${found} instead of ${result}`);
    result = found;
  };
  const contestants = {
    plain: async (): Promise<number> => {
      const one = timed(plain, kernel.n);
      agree(one.result);
      return one.ms;
    },
    metered: async (): Promise<number> => {
      setMeters(metered, { gas: GAS, stackBytes: DEFAULT_LIMITS.maxStackBytes });
      const one = timed(metered, kernel.n);
      agree(one.result);
      const used = GAS - readMeters(metered).gasLeft;
      if (gas !== undefined && used !== gas) throw new Error(`${kernel.name}: ${used} points after ${gas}`);
      gas = used;
      return one.ms;
    },
  };
  await interleaved(WARM_UPS, contestants);
  const { plain: plainMs, metered: meteredMs } = await interleaved(rounds, contestants);
  return { kernel, plainMs, meteredMs, gas: gas ?? 0n };
}

function rowOf({ kernel, plainMs, meteredMs, gas }: Measured): BenchRow {
  return against(
    { bench: "meter", metric: `${kernel.name}, ${(Number(gas) / 1e6).toFixed(1)}M points`, unit: "ms CPU", digits: 2 },
    meteredMs,
    { name: "unmetered V8", values: plainMs },
    { text: "-", pass: () => true },
  );
}

/** Geometric mean over the programs, for each round. */
function meansOf(all: readonly Measured[], rounds: number): number[] {
  return Array.from({ length: rounds }, (_, round) => {
    const logs = all.map(({ plainMs, meteredMs }) => Math.log((meteredMs[round] ?? NaN) / (plainMs[round] ?? NaN)));
    return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
  });
}

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const all: Measured[] = [];
  for (const kernel of KERNELS) {
    all.push(await measure(kernel, rounds));
    log(kernel.name);
  }
  const mean = alone(
    { bench: "meter", metric: "metered to unmetered, geometric mean", unit: "x", digits: 3 },
    meansOf(all, rounds),
    { text: `<= ${GOAL}x`, pass: ({ value }) => value <= GOAL },
  );
  return [...all.map(rowOf), mean];
}

export const bench: Bench = {
  name: "meter",
  describe: "ten programs with gas, stack and NaNs metered, and as they are",
  run,
};
