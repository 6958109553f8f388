/** The programs of the `meter` bench: the same results as without meters, and the same gas each time and in each thread. */
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { readMeters, setMeters } from "@shoal/node/runtime/module/meters.ts";
import { KERNELS } from "../../../../bench/support/meter-kernels.ts";
import { wat } from "../../../../support/wat.ts";
import { instantiate, prepare } from "./fixtures.ts";

const GAS = 1n << 50n;
const STACK = 200 * 1024;
/** Enough for each program to take all of its ways, little enough for the bench's sizes to stay out. */
const SIZES: Readonly<Record<string, number>> = {
  "fib recursion": 15,
  "matrix multiply": 20,
  sort: 5000,
  sieve: 5000,
  "map insert": 3000,
};

interface Ran {
  readonly result: bigint;
  readonly gas: bigint;
}

function runMetered(bytes: Uint8Array, n: number): Ran {
  const instance = instantiate(new WebAssembly.Module(bytes));
  setMeters(instance, { gas: GAS, stackBytes: STACK });
  const result = (instance.exports["run"] as (n: number) => bigint)(n);
  return { result, gas: GAS - readMeters(instance).gasLeft };
}

const PROGRAM = `
  const { parentPort, workerData: { bytes, n, gas, stack } } = require("node:worker_threads");
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  exports.__shoal_gas.value = gas;
  exports.__shoal_stack.value = stack;
  const result = exports.run(n);
  parentPort.postMessage({ result, gas: gas - exports.__shoal_gas.value });
`;

function runInWorker(bytes: Uint8Array, n: number): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(PROGRAM, { eval: true, workerData: { bytes, n, gas: GAS, stack: STACK } });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

describe("a program of the bench", () => {
  it.each(KERNELS.map(({ name, text }) => ({ name, text, n: SIZES[name] ?? 20 })))(
    "gives the same metered, for the same gas in every run and thread: $name",
    async ({ text, n }) => {
      const bytes = await wat(text);
      const metered = prepare(bytes).bytes;
      const plain = instantiate(new WebAssembly.Module(bytes)).exports["run"] as (n: number) => bigint;
      const first = runMetered(metered, n);
      expect(first.result).toBe(plain(n));
      expect(first.gas).toBeGreaterThan(100n);
      expect(runMetered(metered, n)).toEqual(first);
      expect(await Promise.all([runInWorker(metered, n), runInWorker(metered, n)])).toEqual([first, first]);
    },
  );
});
