/**
 * Three nodes on one machine, each a process of its own: a group, an invitation, a context that everybody writes to; one is cut
 * off and comes back, one is killed, one is removed.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/clock.ts";
import { startMesh, type Mesh, type MeshNode } from "../support/mesh.ts";
import { levelled, makeTeam, read, rootsOf, write, type Team } from "../support/mesh-team.ts";

let mesh: Mesh;
let team: Team;
let [one, two, three]: MeshNode[] = [];

const trio = (): readonly [MeshNode, MeshNode, MeshNode] => {
  if (one === undefined || two === undefined || three === undefined) throw new Error("the mesh is not up");
  return [one, two, three];
};

beforeAll(async () => {
  mesh = await startMesh(3);
  [one, two, three] = mesh.nodes;
  team = await makeTeam(mesh.nodes);
}, 120_000);
afterAll(() => mesh.end());

test("what each of them writes is read by all", { timeout: 60_000 }, async () => {
  const { contextId } = team;
  for (const node of mesh.nodes) await write(node, contextId, node.name, `by ${node.name}`);
  await levelled(mesh.nodes, contextId);
  for (const reader of mesh.nodes) {
    for (const { name } of mesh.nodes) expect(await read(reader, contextId, name)).toBe(`by ${name}`);
  }
});

test("one that was cut off, and the others, find together again", { timeout: 60_000 }, async () => {
  const { contextId } = team;
  const [a, b, c] = trio();
  await mesh.part([a, b], [c]);
  await write(a, contextId, "side", "left");
  await write(b, contextId, "left", "b");
  await write(c, contextId, "side", "right");
  await write(c, contextId, "right", "c");
  expect(await read(a, contextId, "right")).toBeUndefined();
  await mesh.heal();
  await levelled(mesh.nodes, contextId);
  for (const node of mesh.nodes) {
    expect(await read(node, contextId, "left")).toBe("b");
    expect(await read(node, contextId, "right")).toBe("c");
  }
});

test("one that was killed is level again after its start", { timeout: 60_000 }, async () => {
  const { contextId } = team;
  const [a, b] = trio();
  await write(b, contextId, "kept", "before the kill");
  await b.kill();
  for (let n = 0; n < 50; n++) await write(a, contextId, `away ${n}`, "value");
  await b.start();
  await levelled(mesh.nodes, contextId);
  expect(await read(b, contextId, "away 49")).toBe("value");
  expect(await read(b, contextId, "kept")).toBe("before the kill");
});

test("everybody names the same members, and has acknowledged the same ops", { timeout: 60_000 }, async () => {
  const membersOf = async ({ client }: MeshNode): Promise<readonly string[]> =>
    (await client.call("members.list", { params: { group: team.namespaceId } })).data
      .map(({ identity }) => identity)
      .toSorted();
  const [a] = trio();
  const members = await membersOf(a);
  expect(members).toHaveLength(3);
  for (const node of mesh.nodes) expect(await membersOf(node)).toEqual(members);
});

test("one that is removed reads nothing that is written afterwards", { timeout: 60_000 }, async () => {
  const { contextId, namespaceId } = team;
  const [a, b, c] = trio();
  const [before] = await rootsOf([c], contextId);
  await a.client.call("members.remove", { params: { group: namespaceId }, body: { members: [c.account] } });
  await write(a, contextId, "secret", "for members");
  await levelled([a, b], contextId);
  // It asks, and nobody tells it anything.
  await c.client.call("contexts.sync", { params: { id: contextId }, body: {} }).catch(() => undefined);
  await eventually(
    async () => ((await read(b, contextId, "secret")) === "for members" ? true : undefined),
    "b reads it",
  );
  const [after] = await rootsOf([c], contextId);
  expect([before, undefined]).toContain(after);
});
