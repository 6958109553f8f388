/** What goes wrong with machines: wrong clocks, long absence, restarts of all, a disk that takes nothing; and that nothing is lost. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/clock.ts";
import { startMesh, type Mesh, type MeshNode } from "../support/mesh.ts";
import { levelled, makeTeam, read, rootsOf, write, type Team } from "../support/mesh-team.ts";

const TIMEOUT = { timeout: 90_000 };
const HOUR_MS = 3_600_000;

let mesh: Mesh;
let team: Team;
let a: MeshNode;
let b: MeshNode;
let c: MeshNode;

beforeAll(async () => {
  mesh = await startMesh(3);
  const [first, second, third] = mesh.nodes;
  if (first === undefined || second === undefined || third === undefined) throw new Error("the mesh is not up");
  [a, b, c] = [first, second, third];
  team = await makeTeam(mesh.nodes);
}, 120_000);
afterAll(() => mesh.end());

const reads = (nodes: readonly MeshNode[], key: string, value: string): Promise<unknown> =>
  Promise.all(
    nodes.map((node) =>
      eventually(
        async () => ((await read(node, team.contextId, key)) === value ? true : undefined),
        `${node.name} reads ${key}`,
      ),
    ),
  );

/** What the node did to be level with others since it started. */
async function syncCounts({ client }: MeshNode): Promise<Record<string, number>> {
  const lines = (await client.call("node.metrics")).matchAll(/^shoal_sync_total\{what="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, what = "", count]) => [what, Number(count)]));
}

test("one that was away for two thousand deltas is level after one session", TIMEOUT, async () => {
  const { contextId } = team;
  await b.stop();
  await c.stop();
  for (let n = 0; n < 2000; n += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, at) => write(a, contextId, `key ${(n + at) % 100}`, `${n + at}`)));
  }
  await b.start();
  await levelled([a, b], contextId, 60_000);
  const counted = await syncCounts(b);
  expect(counted).toMatchObject({ deltas: 1, deltas_pulled: 2000, tree: 0, snapshot: 0, sessions_failed: 0 });
  await c.start();
  await levelled(mesh.nodes, contextId, 60_000);
});

test("all of them writing at once: what each acknowledged is counted by all", TIMEOUT, async () => {
  const { contextId } = team;
  const written = async (node: MeshNode): Promise<number> =>
    Number(await node.client.execute({ contextId, method: "written" }));
  const before = await written(a);
  await Promise.all(
    mesh.nodes.flatMap((node) =>
      Array.from({ length: 200 }, (_, n) => write(node, contextId, `key ${n % 10}`, `${node.name} ${n}`)),
    ),
  );
  await levelled(mesh.nodes, contextId, 60_000);
  for (const node of mesh.nodes) expect(await written(node)).toBe(before + 600);
});

test("all of them restarted in another order agree, also while the first is missing", TIMEOUT, async () => {
  const { contextId } = team;
  await Promise.all(mesh.nodes.map((node) => node.kill()));
  await c.start();
  await write(c, contextId, "alone", "c");
  await b.start();
  await reads([b], "alone", "c");
  await write(b, contextId, "without", "a");
  await reads([c], "without", "a");
  await a.start();
  await levelled(mesh.nodes, contextId);
  expect(await read(a, contextId, "without")).toBe("a");
});

test("a disk that takes nothing loses nothing: what is told waits, what fails says so", TIMEOUT, async () => {
  const { contextId } = team;
  const limit = (bytes: string): Promise<unknown> =>
    promisify(execFile)("prlimit", ["--pid", String(b.pid), `--fsize=${bytes}`]);
  await write(b, contextId, "before", "full");
  await limit("0:unlimited");
  await expect(write(b, contextId, "while", "full")).rejects.toThrow(/./);
  for (let n = 0; n < 20; n++) await write(a, contextId, `while full ${n}`, "a");
  await levelled([a, c], contextId);
  await limit("unlimited:unlimited");
  await eventually(() => write(b, contextId, "again", "b").then(() => true), "writes are taken again");
  await reads(mesh.nodes, "again", "b");
  await levelled(mesh.nodes, contextId);
  for (const node of mesh.nodes) {
    expect(await read(node, contextId, "before")).toBe("full");
    expect(await read(node, contextId, "while")).toBeUndefined();
    expect(await read(node, contextId, "while full 19")).toBe("a");
  }
});

test("a clock that is an hour behind: its writes are read, others' wait until it is right", TIMEOUT, async () => {
  const { contextId } = team;
  await c.stop();
  await c.start({ clockShiftMs: -HOUR_MS });
  await write(c, contextId, "by", "c, behind");
  await reads([a, b, c], "by", "c, behind");
  await write(a, contextId, "by", "a, right");
  await levelled([a, b], contextId);
  await c.stop();
  await c.start();
  await levelled(mesh.nodes, contextId);
  await reads(mesh.nodes, "by", "a, right");
});

test("a clock that is an hour ahead: others go on, and take its writes when their time has come", TIMEOUT, async () => {
  const { contextId } = team;
  await c.stop();
  await c.start({ clockShiftMs: HOUR_MS });
  await levelled(mesh.nodes, contextId);
  await write(c, contextId, "from", "the future");
  await write(a, contextId, "now", "a");
  await reads([a, b, c], "now", "a");
  expect(await read(a, contextId, "from")).toBeUndefined();
  await c.kill();
  // An hour later, for those who were told of it and did not know whether to believe it.
  await Promise.all([a.stop(), b.stop()]);
  await Promise.all([a.start({ clockShiftMs: HOUR_MS }), b.start({ clockShiftMs: HOUR_MS })]);
  await reads([a, b], "from", "the future");
  await c.start({ clockShiftMs: HOUR_MS });
  await levelled(mesh.nodes, contextId);
  expect(new Set(await rootsOf(mesh.nodes, contextId)).size).toBe(1);
});
