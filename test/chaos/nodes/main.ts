/**
 * `npm run chaos:nodes -- [--minutes 10] [--nodes 8] [--seed N]`: real nodes in processes of their own write into one context
 * while they are killed, paused and kept apart at random. Then it ends, and within a minute all of them have one root, one
 * recomputed state, and every write that any of them acknowledged. Exit code 0 only then.
 */
import { parseArgs } from "node:util";
import { below, seeded, type Random } from "@shoal/shared/base/random.ts";
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { eventually } from "../../support/clock.ts";
import { startMesh, type Mesh, type MeshNode } from "../../support/mesh.ts";
import { levelled, makeTeam, read, write } from "../../support/mesh-team.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string" }, nodes: { type: "string" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes ?? 10);
const count = Number(values.nodes ?? 8);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!(minutes > 0) || !Number.isInteger(count) || count < 2 || !Number.isInteger(seed)) {
  console.error("usage: npm run chaos:nodes -- [--minutes 10] [--nodes 8] [--seed N]");
  process.exit(2);
}

const HEAL_MS = 60_000;
const say = (text: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);

/** What was acknowledged, by key: each key is written once. */
const acknowledged = new Map<string, string>();
let refused = 0;
const over = new AbortController();

async function writer(node: MeshNode, contextId: string, random: Random): Promise<void> {
  for (let n = 0; !over.signal.aborted; n++) {
    const key = `${node.name}/${n}`;
    const value = `${key} ${random.next()}`;
    try {
      await write(node, contextId, key, value);
      acknowledged.set(key, value);
    } catch {
      // Nobody promised anything: it may be there or not.
      refused += 1;
      await sleep(200);
    }
    await sleep(below(random, 100));
  }
}

const sleep = (ms: number): Promise<void> => systemClock.sleep(milliseconds(ms));

interface Deed {
  readonly name: string;
  readonly does: (mesh: Mesh, random: Random) => Promise<void>;
}

const counts = new Map<string, number>();
const any = (mesh: Mesh, random: Random): MeshNode => {
  const node = mesh.nodes[below(random, mesh.nodes.length)];
  if (node === undefined) throw new Error("a mesh has nodes");
  return node;
};

const DEEDS: readonly Deed[] = [
  {
    name: "kill",
    does: async (mesh, random) => {
      const node = any(mesh, random);
      await node.kill();
      await sleep(below(random, 4000));
      await node.start();
    },
  },
  {
    name: "pause",
    does: async (mesh, random) => {
      const node = any(mesh, random);
      node.pause();
      await sleep(500 + below(random, 10_000));
      node.resume();
    },
  },
  {
    name: "partition",
    does: async (mesh, random) => {
      const shuffled = [...mesh.nodes].sort(() => random.next() - 0.5);
      const cut = 1 + below(random, shuffled.length - 1);
      await mesh.part(shuffled.slice(0, cut), shuffled.slice(cut));
      await sleep(2000 + below(random, 15_000));
      await mesh.heal();
    },
  },
];

async function torment(mesh: Mesh, random: Random, until: number): Promise<void> {
  while (systemClock.monotonic() < until) {
    const deed = DEEDS[below(random, DEEDS.length)];
    if (deed === undefined) continue;
    counts.set(deed.name, (counts.get(deed.name) ?? 0) + 1);
    await deed.does(mesh, random);
    await sleep(below(random, 2000));
  }
}

async function verdict(mesh: Mesh, contextId: string): Promise<readonly string[]> {
  const problems: string[] = [];
  const began = systemClock.monotonic();
  const root = await levelled(mesh.nodes, contextId, HEAL_MS).catch((thrown: unknown) => String(thrown));
  say(`roots: ${root} after ${Math.round(systemClock.monotonic() - began)} ms`);
  if (root.startsWith("Error")) problems.push(root);
  for (const node of mesh.nodes) {
    let lost = 0;
    for (const [key, value] of acknowledged) {
      const found = await eventually(async () => ({ value: await read(node, contextId, key) }), `${node.name} answers`);
      if (found.value !== value) lost += 1;
    }
    if (lost > 0) problems.push(`${node.name} lacks ${lost} of ${acknowledged.size} acknowledged writes`);
  }
  return problems;
}

const random = seeded(seed);
say(`seed ${seed}, ${minutes} min, ${count} nodes`);
const mesh = await startMesh(count, { logLevel: "error" });
let problems: readonly string[] = ["it did not come to an end"];
try {
  const { contextId } = await makeTeam(mesh.nodes);
  say("all nodes have the context");
  const span: DurationMs = milliseconds(minutes * 60_000);
  const writers = mesh.nodes.map((node) => writer(node, contextId, random.child(node.name)));
  await torment(mesh, random.child("deeds"), systemClock.monotonic() + span);
  over.abort();
  await Promise.all(writers);
  const deeds = [...counts].map(([name, n]) => `${n} ${name}`).join(", ");
  say(`${acknowledged.size} writes acknowledged, ${refused} not; ${deeds}`);
  problems = await verdict(mesh, contextId);
} finally {
  await mesh.end();
}
for (const problem of problems) console.error(`  ${problem}`);
say(problems.length === 0 ? "all nodes agree, and nothing acknowledged is lost" : `${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
