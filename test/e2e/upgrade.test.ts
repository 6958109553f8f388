/**
 * Three nodes, each a process of its own, whose group moves from one version of an app to the next, under each policy: one that
 * is stopped meanwhile follows when it is back, nothing that anybody wrote is lost, and all end with one root.
 */
import { globSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join as joined } from "node:path";
import { bytesOf, type BlobId } from "@shoal/node/model/ids.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/clock.ts";
import { startMesh, type Mesh, type MeshNode } from "../support/mesh.ts";
import { join, levelled } from "../support/mesh-team.ts";
import { builtFolder, ROOT, SDK } from "../unit/sdk/app/built.ts";

const WITHIN_MS = 60_000;
const TIMEOUT = 180_000;
type Policy =
  | "Automatic"
  | "LazyOnAccess"
  | { readonly Coordinated: { readonly deadline?: { readonly secs: number } } };

interface Team {
  readonly namespaceId: string;
  readonly applicationId: string;
  readonly contextId: string;
}

let mesh: Mesh;
let bundles: { readonly v1: Uint8Array; readonly v2: Uint8Array; readonly fussy: Uint8Array };

beforeAll(async () => {
  bundles = {
    v1: await bundleOf(joined(SDK, "apps/task-board/v1"), "task-board/v1"),
    v2: await bundleOf(joined(SDK, "apps/task-board/v2"), "task-board/v2"),
    fussy: await fussyBundle(),
  };
  mesh = await startMesh(3);
}, TIMEOUT);
afterAll(() => mesh.end());

async function bundleOf(folder: string, name: string): Promise<Uint8Array> {
  const kept = await builtFolder(folder, name);
  const [bundle = ""] = globSync("*.mpk", { cwd: kept });
  return readFile(joined(kept, bundle));
}

/** A second version of its own number, whose migration refuses a board that is called "Frozen". */
async function fussyBundle(): Promise<Uint8Array> {
  const above = joined(ROOT, ".shoal");
  await mkdir(above, { recursive: true });
  const folder = await mkdtemp(joined(above, "fussy-"));
  try {
    await cp(joined(SDK, "apps/task-board/v2"), folder, { recursive: true });
    const source = joined(folder, "src/app.ts");
    const text = await readFile(source, "utf8");
    const refusal = 'fromV1(): void {\n    if (this.title.value == "Frozen") fail("the board is frozen", "conflict");';
    await writeFile(source, text.replace("fromV1(): void {", refusal));
    const about = joined(folder, "app.json");
    await writeFile(about, (await readFile(about, "utf8")).replace('"2.0.0"', '"2.1.0"'));
    return await bundleOf(folder, "task-board/fussy");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const trio = (): readonly [MeshNode, MeshNode, MeshNode] =>
  mesh.nodes as unknown as readonly [MeshNode, MeshNode, MeshNode];

async function install({ client }: MeshNode, bundle: Uint8Array): Promise<string> {
  const { blobId } = await client.upload(Uint8Array.from(bundle));
  return (await client.call("applications.installBlob", { body: { blobId } })).data.applicationId;
}

/** A namespace of its own with one board, which all nodes have. Whoever installed the next version runs the older one there. */
async function makeBoard(upgradePolicy: Policy, title = "Board"): Promise<Team> {
  const [first, ...others] = trio();
  const applicationId = await install(first, bundles.v1);
  const appKey = await keyOf(first, applicationId, "1.0.0");
  const body = { applicationId, appKey, upgradePolicy, name: "board" };
  const { namespaceId } = (await first.client.call("namespaces.create", { body })).data;
  const initializationParams = [...Buffer.from(JSON.stringify({ title }))];
  const made = { applicationId, initializationParams, groupId: namespaceId };
  const { contextId } = (await first.client.call("contexts.create", { body: made })).data;
  const team = { namespaceId, applicationId, contextId };
  for (const other of others) await join(first, other, team);
  for (const node of mesh.nodes) {
    await eventually(() => call(node, team, "name").catch(() => undefined), `${node.name} has the board`, WITHIN_MS);
  }
  return team;
}

async function keyOf({ client }: MeshNode, id: string, version: string): Promise<string> {
  const versions = (await client.call("applications.versions", { params: { id } })).data;
  const found = versions.find((each) => each.version === version);
  return Buffer.from(bytesOf((found?.blobId ?? "") as BlobId)).toString("hex");
}

const call = (node: MeshNode, { contextId }: Team, method: string, argsJson: object = {}): Promise<unknown> =>
  node.client.execute({ contextId, method, argsJson });
const add = (node: MeshNode, team: Team, title: string): Promise<unknown> => call(node, team, "add", { title });
const upgrade = ({ client }: MeshNode, { namespaceId, applicationId }: Team): Promise<unknown> =>
  client.call("upgrades.start", {
    params: { group: namespaceId },
    body: { targetApplicationId: applicationId, migrateMethod: "fromV1" },
  });
const statusOf = async ({ client }: MeshNode, { namespaceId }: Team) =>
  (await client.call("upgrades.status", { params: { group: namespaceId } })).data;

async function titlesOf(node: MeshNode, team: Team): Promise<readonly string[]> {
  const tasks = (await call(node, team, "list")) as readonly { readonly title: string }[];
  return tasks.map(({ title }) => title).toSorted();
}

/** `archived` is a method of the second version alone. */
const isMoved = (node: MeshNode, team: Team): Promise<boolean> =>
  call(node, team, "archived").then(
    () => true,
    () => false,
  );

async function allMoved(team: Team, titles: readonly string[]): Promise<void> {
  for (const node of mesh.nodes) {
    await eventually(
      async () => ((await isMoved(node, team)) ? true : undefined),
      `${node.name} runs 2.0.0`,
      WITHIN_MS,
    );
  }
  await levelled(mesh.nodes, team.contextId, WITHIN_MS);
  for (const node of mesh.nodes) {
    expect(await titlesOf(node, team)).toEqual(titles.toSorted());
    const done = async (): Promise<true | undefined> =>
      (await statusOf(node, team))?.status === "completed" ? true : undefined;
    await eventually(done, `${node.name} says that it is done`, WITHIN_MS);
  }
}

// First: here nobody but the first node has ever had the second version.
test(
  "Automatic: one that is stopped follows with the version from a member, and what it wrote before is kept",
  { timeout: TIMEOUT },
  async () => {
    const [a, b, c] = trio();
    const team = await makeBoard("Automatic");
    await add(a, team, "first");
    await add(c, team, "of the one that stops");
    await levelled(mesh.nodes, team.contextId, WITHIN_MS);
    await c.stop();
    await install(a, bundles.v2);
    const writing = Promise.all(Array.from({ length: 5 }, (_, n) => add(b, team, `meanwhile ${n}`)));
    await upgrade(a, team);
    await writing;
    await eventually(async () => ((await isMoved(b, team)) ? true : undefined), "the other one follows", WITHIN_MS);
    await add(b, team, "after");
    await c.start();
    const meanwhile = Array.from({ length: 5 }, (_, n) => `meanwhile ${n}`);
    await allMoved(team, ["first", "of the one that stops", "after", ...meanwhile]);
  },
);

test(
  "LazyOnAccess: whoever uses it first moves it, two at once too, while the one that began is stopped",
  { timeout: TIMEOUT },
  async () => {
    const [a, b, c] = trio();
    const team = await makeBoard("LazyOnAccess");
    await add(a, team, "first");
    await levelled(mesh.nodes, team.contextId, WITHIN_MS);
    await upgrade(a, team);
    for (const node of [b, c]) {
      await eventually(async () => (await statusOf(node, team)) ?? undefined, `${node.name} knows`, WITHIN_MS);
    }
    expect(await statusOf(a, team)).toMatchObject({ status: "in_progress", total: 1, completed: 0 });
    await a.stop();
    await mesh.part([b], [c]);
    await Promise.all([add(b, team, "by b"), add(c, team, "by c")]);
    expect(await isMoved(b, team)).toBe(true);
    expect(await isMoved(c, team)).toBe(true);
    await mesh.heal();
    await a.start();
    await allMoved(team, ["first", "by b", "by c"]);
  },
);

test("Coordinated: waits for a word, which one node's person gives", { timeout: TIMEOUT }, async () => {
  const [a, b, c] = trio();
  const team = await makeBoard({ Coordinated: {} });
  await upgrade(a, team);
  await eventually(async () => (await statusOf(b, team)) ?? undefined, "b knows", WITHIN_MS);
  await c.stop();
  await add(b, team, "before the word");
  expect(await isMoved(b, team)).toBe(false);
  await b.client.call("upgrades.retry", { params: { group: team.namespaceId }, body: {} });
  await add(a, team, "beside the word");
  await c.start();
  await allMoved(team, ["before the word", "beside the word"]);
});

test(
  "a migration that fails leaves everybody where they were and says why, and a retry goes on",
  { timeout: TIMEOUT },
  async () => {
    const [a, b, c] = trio();
    const team = await makeBoard("Automatic", "Frozen");
    await add(b, team, "kept");
    await levelled(mesh.nodes, team.contextId, WITHIN_MS);
    await c.stop();
    await install(a, bundles.fussy);
    await upgrade(a, team);
    const failed = async () => {
      const found = (await statusOf(a, team))?.localContexts[0];
      return found?.state === "failed" ? found : undefined;
    };
    expect(await eventually(failed, "it is given up", WITHIN_MS)).toMatchObject({
      attempts: 3,
      error: expect.stringContaining("frozen") as string,
    });
    expect(await statusOf(a, team)).toMatchObject({ status: "in_progress", total: 1, completed: 0, failed: 1 });
    const another = async () =>
      (await statusOf(b, team))?.localContexts[0]?.error?.includes("frozen") ? true : undefined;
    await eventually(another, "the other one has tried in its place", WITHIN_MS);
    for (const node of [a, b]) expect(await isMoved(node, team)).toBe(false);
    await call(b, team, "rename", { title: "Thawed" });
    await levelled([a, b], team.contextId, WITHIN_MS);
    await a.client.call("upgrades.retry", { params: { group: team.namespaceId }, body: {} });
    await c.start();
    await allMoved(team, ["kept"]);
  },
);

test(
  "an upgrade that is aborted while one is away moves nothing that had not moved",
  { timeout: TIMEOUT },
  async () => {
    const [a, b, c] = trio();
    const team = await makeBoard("LazyOnAccess");
    await c.stop();
    await upgrade(a, team);
    await eventually(async () => (await statusOf(b, team)) ?? undefined, "b knows", WITHIN_MS);
    await a.client.call("upgrades.abort", { params: { group: team.namespaceId }, body: {} });
    const aborted = async () => ((await statusOf(b, team))?.status === "aborted" ? true : undefined);
    await eventually(aborted, "b knows that too", WITHIN_MS);
    await add(b, team, "by b");
    await c.start();
    await eventually(() => add(c, team, "by c").catch(() => undefined), "c serves", WITHIN_MS);
    await levelled(mesh.nodes, team.contextId, WITHIN_MS);
    for (const node of mesh.nodes) {
      expect(await isMoved(node, team)).toBe(false);
      expect(await titlesOf(node, team)).toEqual(["by b", "by c"]);
    }
    expect((await statusOf(c, team))?.status ?? "aborted").toBe("aborted");
  },
);
