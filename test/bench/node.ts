/**
 * A node as it is deployed, the bundle in a process of its own: how soon it serves with a hundred contexts, what it uses while
 * nothing happens, and what a write costs in a context of a hundred thousand entries against one of a thousand.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { createNodeClient, type NodeHttpClient } from "@shoal/client/node/client.ts";
import { initNode } from "@shoal/node/config/init.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { ROOT } from "../tidy/tree.ts";
import { builtApp } from "../unit/sdk/app/built.ts";
import { against, alone, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";
import { processCpuMs } from "./support/cpu.ts";

const CONTEXTS = 100;
const IDLE_MS = 10_000;
const [FEW, MANY] = [1000, 100_000];
const WRITES = 500;
const LANES = 32;
const MIB = 1024 * 1024;

interface Running {
  readonly child: ChildProcess;
  readonly client: NodeHttpClient;
  readonly startMs: number;
}

async function start(home: string): Promise<Running> {
  const began = performance.now();
  const args = [join(ROOT, "node/dist/node.mjs"), "--home", home, "--node", "bench", "--log-level", "warn"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const { urls } = JSON.parse(line) as { readonly urls: readonly string[] };
    const client = createNodeClient({ baseUrl: urls[0] ?? "" });
    await client.call("node.ready");
    return { child, client, startMs: performance.now() - began };
  }
  throw new Error("the node ended before it was ready");
}

async function stop({ child }: Running): Promise<void> {
  child.kill("SIGTERM");
  await once(child, "exit");
}

async function rssBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
}

async function prepare(home: string): Promise<string> {
  await promisify(execFile)(process.execPath, [join(ROOT, "node/bundle.ts")]);
  await initNode({
    home,
    name: "bench",
    options: { serverHost: ["127.0.0.1"], serverPort: 0, authMode: "proxy", noAdministrator: true },
    env: {},
    clock: systemClock,
    random: systemRandom,
  });
  const running = await start(home);
  const { blobId } = await running.client.upload(Uint8Array.from(await builtApp("kv-store")));
  const { applicationId } = (await running.client.call("applications.installBlob", { body: { blobId } })).data;
  let contextId = "";
  for (let n = 0; n < CONTEXTS; n++) {
    const body = { applicationId, initializationParams: [...Buffer.from("{}")] };
    contextId = (await running.client.call("contexts.create", { body })).data.contextId;
  }
  await stop(running);
  return contextId;
}

/** CPU milliseconds of the node for `WRITES` writes of new keys, one after the other. */
async function writes({ child, client }: Running, contextId: string, prefix: string): Promise<number> {
  const before = processCpuMs(child.pid ?? 0);
  for (let n = 0; n < WRITES; n++) {
    await client.execute({ contextId, method: "set", argsJson: { key: `${prefix} ${n}`, value: "value" } });
  }
  return processCpuMs(child.pid ?? 0) - before;
}

async function fill({ client }: Running, contextId: string, from: number, to: number): Promise<void> {
  let next = from;
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      while (next < to) {
        const n = next++;
        await client.execute({ contextId, method: "set", argsJson: { key: `entry ${n}`, value: `value ${n}` } });
      }
    }),
  );
}

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const home = await mkdtemp(join(tmpdir(), "shoal-bench-node-"));
  try {
    const contextId = await prepare(home);
    const [starts, rss, idle]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      const running = await start(home);
      const pid = running.child.pid ?? 0;
      starts.push(running.startMs);
      const before = processCpuMs(pid);
      await systemClock.sleep(milliseconds(IDLE_MS));
      idle.push(((processCpuMs(pid) - before) / IDLE_MS) * 100);
      rss.push((await rssBytes(pid)) / MIB);
      await stop(running);
      log(`start ${round + 1} of ${rounds}`);
    }
    const running = await start(home);
    await fill(running, contextId, 0, FEW);
    const few: number[] = [];
    for (let round = 0; round < rounds; round++) few.push((await writes(running, contextId, `few ${round}`)) / WRITES);
    log(`filling to ${MANY} entries`);
    await fill(running, contextId, FEW, MANY);
    const many: number[] = [];
    for (let round = 0; round < rounds; round++)
      many.push((await writes(running, contextId, `many ${round}`)) / WRITES);
    await stop(running);
    const of = (metric: string, unit: string, digits = 0): Parameters<typeof alone>[0] => ({
      bench: "node",
      metric,
      unit,
      digits,
    });
    return [
      alone(of(`start with ${CONTEXTS} contexts until it serves`, "ms"), starts, {
        text: "< 1000 ms",
        pass: ({ value }) => value < 1000,
      }),
      alone(of("idle: memory", "MiB"), rss, { text: "< 150 MiB", pass: ({ value }) => value < 150 }),
      alone(of("idle: CPU", "% of a core", 2), idle),
      against(
        of(`write at ${MANY} entries: CPU`, "ms", 3),
        many,
        { name: `at ${FEW} entries`, values: few },
        {
          text: "<= 2x",
          pass: (ratio) => ratio <= 2,
        },
      ),
    ];
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

export const bench: Bench = {
  name: "node",
  describe: "a node's start with 100 contexts, its idle cost, and writes at 1k and 100k entries",
  run,
};
