/**
 * What a call costs from request to answer, against its parts measured apart in the same process: HTTP with auth over contexts
 * that answer at once, the method on this thread, the same rows to the store. CPU of the whole node per call, since the load
 * comes from the same machine. A round whose values are not those that were written is no round.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Pool } from "undici";
import { builtApp } from "../unit/sdk/app/built.ts";
import { alone, median, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";
import type { Span } from "./support/stopwatch.ts";

const CALLS = 2000;
const LANES = 32;
const CONTEXTS = 16;
const GOAL = 1.35;
const PROGRAM = new URL("./support/execute-main.ts", import.meta.url);

type Part = "http" | "set" | "get" | "set, on its thread" | "get, on its thread" | "store";

interface Ready {
  readonly url: string;
  readonly stubUrl: string;
  readonly contextIds: readonly string[];
  readonly token: string;
}

interface Measured {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly spans?: Readonly<Record<string, Span>>;
}

interface Server extends Ready {
  ask(command: object): Promise<Measured>;
  stop(): Promise<void>;
}

async function startServer(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-execute-"));
  const modulePath = join(folder, "kv.wasm");
  await writeFile(modulePath, await builtApp("kv-store"));
  const argument = JSON.stringify({ modulePath, contexts: CONTEXTS });
  const child = spawn(process.execPath, ["--expose-gc", PROGRAM.pathname, argument], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T> => {
    const next = await lines.next();
    if (next.done === true) throw new Error("the node of the bench ended");
    return JSON.parse(next.value) as T;
  };
  return {
    ...(await answer<Ready>()),
    ask: (command) => {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      return answer<Measured>();
    },
    async stop() {
      child.stdin.write(`${JSON.stringify({ do: "close" })}\n`);
      await new Promise((resolve) => child.once("exit", resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Load {
  readonly method: "set" | "get";
  readonly contexts: number;
  readonly lanes: number;
  readonly calls: number;
}

/** Calls over HTTP; throws where an answer is not the one that is right. */
async function load(server: Server, url: string, plan: Load): Promise<Measured> {
  const pool = new Pool(url, { connections: plan.lanes });
  const stubbed = url === server.stubUrl;
  await server.ask({ do: "begin" });
  await Promise.all(
    Array.from({ length: plan.lanes }, async (_, lane) => {
      const contextId = server.contextIds[lane % plan.contexts];
      for (let n = 0; n < plan.calls / plan.lanes; n++) {
        // Lanes have keys of their own, so each knows what it must read.
        const key = `lane ${lane} key ${n % 100}`;
        const argsJson = plan.method === "set" ? { key, value: `value of ${key}` } : { key };
        const response = await pool.request({
          method: "POST",
          path: "/jsonrpc",
          headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
          body: JSON.stringify({
            jsonrpc: "2.0",
            id: n,
            method: "execute",
            params: { contextId, method: plan.method, argsJson },
          }),
        });
        const body = (await response.body.json()) as { result?: { output: unknown } };
        const expected = plan.method === "get" && !stubbed ? `value of ${key}` : null;
        if (body.result?.output !== expected) throw new Error(`${JSON.stringify(body)} instead of ${String(expected)}`);
      }
    }),
  );
  const measured = await server.ask({ do: "end" });
  await pool.close();
  return measured;
}

const perCall = (measured: readonly Measured[], calls: number): number[] =>
  measured.map(({ cpuMs }) => (cpuMs * 1000) / calls);

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const server = await startServer();
  try {
    const plans = {
      "set, 1 context": { method: "set", contexts: 1, lanes: LANES, calls: CALLS },
      "set, 16 contexts": { method: "set", contexts: CONTEXTS, lanes: LANES, calls: CALLS },
      "get, 1 context": { method: "get", contexts: 1, lanes: LANES, calls: CALLS },
      "get, 16 contexts": { method: "get", contexts: CONTEXTS, lanes: LANES, calls: CALLS },
    } as const satisfies Record<string, Load>;
    const whole = Object.fromEntries(Object.keys(plans).map((name) => [name, [] as Measured[]]));
    const parts: Record<Part, Measured[]> = {
      http: [],
      set: [],
      get: [],
      "set, on its thread": [],
      "get, on its thread": [],
      store: [],
    };
    const single: Measured[] = [];
    // Compiles the paths, and writes what the reads expect.
    for (const plan of Object.values(plans)) await load(server, server.url, { ...plan, calls: CALLS * 2 });
    await load(server, server.stubUrl, { ...plans["set, 1 context"], calls: CALLS * 2 });
    for (let round = 0; round < rounds; round++) {
      for (const [name, plan] of Object.entries(plans)) whole[name]?.push(await load(server, server.url, plan));
      parts.http.push(await load(server, server.stubUrl, plans["set, 1 context"]));
      single.push(await load(server, server.url, { method: "set", contexts: 1, lanes: 1, calls: CALLS / 4 }));
      for (const [method, mode] of [
        ["set", "write"],
        ["get", "read"],
      ] as const) {
        parts[method].push(await server.ask({ do: "method", mode, calls: CALLS }));
        parts[`${method}, on its thread`].push(await server.ask({ do: "thread", mode, calls: CALLS, lanes: LANES }));
      }
      parts.store.push(await server.ask({ do: "storage", calls: CALLS, lanes: LANES }));
      log(`round ${round + 1} of ${rounds}`);
    }
    log(tableOf(single));
    return rowsOf(whole, parts);
  } finally {
    await server.stop();
  }
}

function rowsOf(
  whole: Readonly<Record<string, readonly Measured[]>>,
  parts: Readonly<Record<Part, readonly Measured[]>>,
): BenchRow[] {
  const cost = (part: Part): number => median(perCall(parts[part], CALLS));
  const rows: BenchRow[] = [];
  for (const [name, measured] of Object.entries(whole)) {
    const method = name.startsWith("set") ? "set" : "get";
    const other = cost("http") + (method === "set" ? cost("store") : 0);
    const cpu = perCall(measured, CALLS);
    const against = (peer: string, sum: number): BenchRow => ({
      ...alone({ bench: "execute", metric: `${name}: CPU per call`, unit: "µs" }, cpu),
      peer,
      peerValue: Math.round(sum),
      ratio: Number((median(cpu) / sum).toFixed(3)),
      goal: `<= ${GOAL}x`,
      pass: median(cpu) / sum <= GOAL,
    });
    const store = method === "set" ? " + store" : "";
    rows.push(against(`HTTP + method${store}`, other + cost(method)));
    rows.push(against(`the same, method on its thread`, other + cost(`${method}, on its thread`)));
    const rate = measured.map(({ wallMs }) => (CALLS * 1000) / wallMs);
    rows.push(alone({ bench: "execute", metric: `${name}: calls per second`, unit: "1/s" }, rate));
  }
  for (const [part, measured] of Object.entries(parts)) {
    rows.push(
      alone({ bench: "execute", metric: `alone: ${part}: CPU per call`, unit: "µs" }, perCall(measured, CALLS)),
    );
  }
  return rows;
}

/** Where the microseconds of one mutating call go, one call at a time: medians over the rounds. */
function tableOf(single: readonly Measured[]): string {
  const us = (name: string): number =>
    median(single.map(({ spans }) => (spans?.[name]?.us ?? 0) / Math.max(1, spans?.["execute"]?.count ?? 1)));
  const total = median(
    single.map(({ wallMs, spans }) => (wallMs * 1000) / Math.max(1, spans?.["execute"]?.count ?? 1)),
  );
  const method = us("instance") + us("guest") + us("host") + us("merkle");
  const lines: readonly (readonly [string, number])[] = [
    ["HTTP: client, sockets, parsing, answer", total - us("execute") - us("auth")],
    ["auth: cached token, permission", us("auth")],
    ["queue, rights, delta, signature", us("execute") - us("executor") - us("durable")],
    ["to the worker and back", us("executor") - method],
    ["instance", us("instance")],
    ["guest", us("guest")],
    ["host calls", us("host")],
    ["Merkle", us("merkle")],
    ["commit: one batch, synced", us("durable")],
  ];
  const row = ([what, value]: readonly [string, number]): string =>
    `  ${what.padEnd(42)}${value.toFixed(1).padStart(9)} µs`;
  return ["one `set`, one at a time:", ...lines.map(row), row(["in all", total])].join("\n");
}

export const bench: Bench = {
  name: "execute",
  describe: "JSON-RPC calls, writing and reading, on one context and on 16, against their parts",
  run,
};
