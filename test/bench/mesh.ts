/**
 * Nine real nodes, so that each has eight peers, in a namespace of a hundred contexts: what a node sends and what CPU it takes
 * while nothing happens; and how long one that was away for 10,000 deltas takes until its root is the others'.
 */
import { readFile } from "node:fs/promises";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { startMesh, type Mesh } from "../support/mesh.ts";
import { everywhere, levelled, makeContext, makeTeam, write, type Team } from "../support/mesh-team.ts";
import { alone, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";
import { processCpuMs } from "./support/cpu.ts";

const NODES = 9;
const CONTEXTS = 100;
/** Heartbeats of the first minutes are over: each further one waits twice as long. */
const QUIET_MS = 90_000;
const IDLE_MS = 60_000;
const AWAY = 10_000;
const LANES = 32;

/** Bytes that the process has written, to sockets and to files: what it sends to peers is no more than that. */
async function writtenBytes(pid: number): Promise<number> {
  const counted = /^wchar: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, "utf8"));
  if (counted === null) throw new Error("the kernel does not tell what a process writes");
  return Number(counted[1]);
}

async function idle(mesh: Mesh): Promise<{ readonly bytes: number; readonly cpu: number }> {
  const [node] = mesh.nodes;
  if (node?.pid === undefined) throw new Error("a mesh has nodes that run");
  const [bytes, cpu] = [await writtenBytes(node.pid), processCpuMs(node.pid)];
  await systemClock.sleep(milliseconds(IDLE_MS));
  return {
    bytes: ((await writtenBytes(node.pid)) - bytes) / (IDLE_MS / 1000),
    cpu: ((processCpuMs(node.pid) - cpu) / IDLE_MS) * 100,
  };
}

async function away(mesh: Mesh, { contextId }: Team): Promise<number> {
  const [writer, , sleeper] = mesh.nodes;
  if (writer === undefined || sleeper === undefined) throw new Error("a mesh has nodes");
  await sleeper.stop();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let n = next++; n < AWAY; n = next++) await write(writer, contextId, `away ${n % 1000}`, `value ${n}`);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const began = systemClock.monotonic();
  await sleeper.start();
  await levelled([writer, sleeper], contextId, 120_000);
  return systemClock.monotonic() - began;
}

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const mesh = await startMesh(NODES);
  try {
    const team = await makeTeam(mesh.nodes);
    const [first] = mesh.nodes;
    if (first === undefined) throw new Error("a mesh has nodes");
    for (let n = 1; n < CONTEXTS; n++) await everywhere(mesh.nodes, await makeContext(first, team), 60_000);
    log(`${CONTEXTS} contexts on ${NODES} nodes`);
    await systemClock.sleep(milliseconds(QUIET_MS));
    const quiet = [];
    for (let round = 0; round < rounds; round++) quiet.push(await idle(mesh));
    const back: number[] = [];
    for (let round = 0; round < rounds; round++) {
      back.push(await away(mesh, team));
      log(`away ${round + 1} of ${rounds}`);
    }
    const of = (metric: string, unit: string, digits = 0) => ({ bench: "mesh", metric, unit, digits });
    const bytes = quiet.map((one) => one.bytes);
    const cpu = quiet.map((one) => one.cpu);
    return [
      alone(of(`idle, ${CONTEXTS} contexts, ${NODES - 1} peers: written to sockets and files`, "B/s"), bytes, {
        text: "< 2000 B/s",
        pass: ({ value }) => value < 2000,
      }),
      alone(of(`idle, ${CONTEXTS} contexts, ${NODES - 1} peers: CPU`, "% of a core", 2), cpu, {
        text: "< 2 %",
        pass: ({ value }) => value < 2,
      }),
      alone(of(`from the start of one that was away for ${AWAY} deltas until it is level`, "ms"), back),
    ];
  } finally {
    await mesh.end();
  }
}

export const bench: Bench = {
  name: "mesh",
  describe: "nine nodes with a hundred contexts: idle traffic and CPU; coming back after 10,000 deltas",
  run,
};
