/**
 * Starting: `npm start` from a warm install until the API answers and until a first processor runs; what the stack costs when
 * nothing happens; and the cold start of each function, bundled as it is deployed, until it has answered once, against a bare
 * function under the same framework.
 */
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { against, alone, interleaved, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";
import { startLocalStack, type LocalStack } from "./support/local-stack.ts";
import { environmentWith, familyCpuMs, memoryMb } from "./support/processes.ts";

const PORT = 9987;
const SERVE = fileURLToPath(new URL("../../emulator/src/functions/serve.ts", import.meta.url));
const MAIN = fileURLToPath(new URL("../../functions/src/main.ts", import.meta.url));
const IDLE_SETTLE_MS = 20_000;
const IDLE_MS = 60_000;

/** What each function is asked first, and what it answers. */
const FIRST: Readonly<Record<string, { readonly path: string; readonly status: number; readonly task?: true }>> = {
  api: { path: "/api/v1/sessions/current", status: 401 },
  edge: { path: "/api/v1/edge/heartbeat", status: 404 },
  metrics: { path: "/livez", status: 200 },
  dispatch: { path: "/", status: 204, task: true },
};

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const starts: { readonly serving: number; readonly ready: number; readonly running: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const stack = await startLocalStack(PORT);
    const running = await firstProcessor(stack);
    starts.push({ serving: stack.servingMs, ready: stack.readyMs, running });
    log(
      `round ${round + 1}: API after ${stack.servingMs.toFixed(0)} ms, a processor runs after ${running.toFixed(0)} ms`,
    );
    await stack.stop();
  }
  const stack = await startLocalStack(PORT);
  try {
    return [...startRows(starts), ...(await idleRows(stack, log)), ...(await coldRows(stack, rounds, log))];
  } finally {
    await stack.stop();
  }
}

/** From the command until the first processor runs, template and all. */
async function firstProcessor({ client, images, readyMs }: LocalStack): Promise<number> {
  const began = performance.now();
  const [image_uri = "", digest = ""] = (images["word-count"] ?? "").split("@");
  await client.call("templates.create", { body: { slug: "first" } });
  await client.call("versions.create", { params: { id: "first" }, body: { version: "1", image_uri, digest } });
  const { operation } = await client.call("processors.create", { body: { name: "first", template: "first" } });
  const ended = await client.waitForOperation(operation.id);
  if (ended.state !== "succeeded") throw new Error(`the first processor does not run: ${JSON.stringify(ended.error)}`);
  return readyMs + performance.now() - began;
}

const below = (limit: number) => ({ text: `< ${limit}`, pass: ({ value }: { value: number }) => value < limit });

function startRows(starts: readonly { serving: number; ready: number; running: number }[]): BenchRow[] {
  const row = (metric: string): { bench: string; metric: string; unit: string } => ({
    bench: "start",
    metric,
    unit: "ms",
  });
  return [
    alone(
      row("npm start until the API answers"),
      starts.map(({ serving }) => serving),
      below(10_000),
    ),
    alone(
      row("npm start until everything is up"),
      starts.map(({ ready }) => ready),
      below(10_000),
    ),
    alone(
      row("npm start until a first processor runs"),
      starts.map(({ running }) => running),
      below(20_000),
    ),
  ];
}

async function idleRows(stack: LocalStack, log: BenchOptions["log"]): Promise<BenchRow[]> {
  log("idle: settling, then a minute of nothing");
  const roots = [stack.pid, stack.postmaster];
  await new Promise((wake) => setTimeout(wake, IDLE_SETTLE_MS));
  const [before, began] = [familyCpuMs(roots), performance.now()];
  await new Promise((wake) => setTimeout(wake, IDLE_MS));
  const percent = ((familyCpuMs(roots) - before) / (performance.now() - began)) * 100;
  return [
    alone({ bench: "start", metric: "idle CPU, whole stack", unit: "% of a core", digits: 2 }, [percent], below(1)),
    alone({ bench: "start", metric: "idle memory, whole stack (PSS)", unit: "MB" }, [memoryMb(roots)], below(900)),
  ];
}

async function coldRows(stack: LocalStack, rounds: number, log: BenchOptions["log"]): Promise<BenchRow[]> {
  const env = environmentWith(stack.pid, ["FUNCTIONS_SOURCE", "DORY_DATABASE_URL"]);
  if (env === undefined) throw new Error("the functions' environment was not found");
  const folder = mkdtempSync(join(tmpdir(), "shoal-bench-bundle-"));
  try {
    const source = await bundle(folder);
    const bare = join(folder, "bare.mjs");
    writeFileSync(bare, 'export const bare = (request, response) => response.end("ok");\n');
    const contestants = Object.fromEntries([
      ["bare", () => coldStart(bare, "bare", env, { path: "/", status: 200 })],
      ...Object.entries(FIRST).map(([name, first]) => [name, () => coldStart(source, name, env, first)] as const),
    ]) as Record<string, () => Promise<number>>;
    const times = await interleaved(rounds, contestants, (name, round, ms) =>
      log(`round ${round + 1}: ${name} has answered after ${ms.toFixed(0)} ms`),
    );
    return Object.keys(FIRST).map((name) =>
      against(
        { bench: "start", metric: `cold start of ${name}, first answer`, unit: "ms" },
        times[name] ?? [],
        { name: "a bare function, same framework", values: times["bare"] ?? [] },
        { text: "<= 2x", pass: (ratio) => ratio <= 2 },
      ),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One bundle for all functions, in chunks: each loads what it imports when it is served. */
async function bundle(folder: string): Promise<string> {
  await build({
    entryPoints: { main: MAIN },
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node24",
    outExtension: { ".js": ".mjs" },
    banner: { js: 'import { createRequire as cr } from "node:module"; const require = cr(import.meta.url);' },
    external: ["pg-native"],
    logLevel: "silent",
  });
  const main = join(folder, "main.mjs");
  readFileSync(main);
  return main;
}

async function coldStart(
  source: string,
  target: string,
  env: Readonly<Record<string, string>>,
  first: { readonly path: string; readonly status: number; readonly task?: true },
): Promise<number> {
  const began = performance.now();
  const child = fork(SERVE, [], {
    env: { ...env, FUNCTIONS_SOURCE: source, FUNCTION_TARGETS: target, FUNCTION_TARGET: target },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  try {
    const { ports } = await new Promise<{ ports: Record<string, number> }>((resolve, reject) => {
      child.once("message", (message) => resolve(message as { ports: Record<string, number> }));
      child.once("exit", (code) => reject(new Error(`${target} ended with ${code}`)));
    });
    const response = await fetch(`http://127.0.0.1:${ports[target]}${first.path}`, first.task === true ? TASK : {});
    await response.arrayBuffer();
    if (response.status !== first.status) throw new Error(`${target} answered ${response.status}`);
    return performance.now() - began;
  } finally {
    child.removeAllListeners("exit");
    child.kill("SIGKILL");
    await new Promise((gone) =>
      child.exitCode === null && child.signalCode === null ? child.once("exit", gone) : gone(0),
    );
  }
}

/** A wake-up as Cloud Tasks sends it; checking the token's signature is the platform's work, not the function's. */
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const TASK = {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    Authorization: `Bearer ${part({ alg: "none" })}.${part({ email: "tasks@shoal-local" })}.`,
  },
  body: JSON.stringify({ data: {} }),
};

export const bench: Bench = {
  name: "start",
  describe: "npm start until it serves, what it costs idle, and the cold start of each function",
  run,
};
