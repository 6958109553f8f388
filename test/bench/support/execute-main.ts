/**
 * The node of the `execute` bench in a process of its own. Commands come as lines of JSON, answers go as lines of JSON: `begin`
 * and `end` around a load from outside; `method` (on this thread), `thread` (on the executor's) and `storage` need none.
 */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { openBenchNode } from "./execute-node.ts";
import { ownCpuMs } from "./cpu.ts";
import { Stopwatch } from "./stopwatch.ts";

interface Command {
  readonly do: "begin" | "end" | "method" | "thread" | "storage" | "close";
  readonly mode?: "read" | "write";
  readonly calls?: number;
  readonly lanes?: number;
}

const { modulePath, contexts } = JSON.parse(process.argv[2] ?? "{}") as { modulePath: string; contexts: number };
const watch = new Stopwatch();
const node = await openBenchNode(await readFile(modulePath), contexts, watch);
const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
say({ url: node.url, stubUrl: node.stubUrl, contextIds: node.contextIds, token: await node.token() });

let began = { cpu: 0, wall: 0 };
const begin = (): void => {
  watch.take();
  globalThis.gc?.();
  began = { cpu: ownCpuMs(), wall: performance.now() };
};
const end = (): { cpuMs: number; wallMs: number } => ({
  cpuMs: ownCpuMs() - began.cpu,
  wallMs: performance.now() - began.wall,
});

async function inLanes(calls: number, lanes: number, work: () => Promise<unknown>): Promise<void> {
  const lane = async (): Promise<void> => {
    for (let n = 0; n < calls / lanes; n++) await work();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  const { calls = 0, lanes = 1 } = command;
  if (command.do === "close") break;
  if (command.do === "begin") {
    begin();
    say({});
  } else if (command.do === "end") say({ ...end(), spans: watch.take() });
  else if (command.do === "method" || command.do === "thread") {
    begin();
    const request = node.last[command.mode ?? "write"];
    if (request === undefined) throw new Error("nothing has run yet");
    if (command.do === "method") for (let n = 0; n < calls; n++) node.runner.run(request);
    else await inLanes(calls, lanes, () => node.executor.run(request));
    say(end());
  } else {
    begin();
    const { rows } = node.last;
    await inLanes(calls, lanes, () => Promise.all([node.store.apply(rows), node.store.durable()]));
    say(end());
  }
}
await node.close();
process.exit(0);
