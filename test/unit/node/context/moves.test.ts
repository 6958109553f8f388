/** A context moves to another version once, with the delta that says so: whatever comes in whatever order, nodes agree. */
import type { ApplicationId, ContextId, Hash } from "@shoal/node/model/ids.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtApp } from "../../sdk/app/built.ts";
import {
  bodiesFor,
  bodyOf,
  call,
  createOn,
  installFrom,
  joinFrom,
  lacking,
  level,
  openTeam,
  shuffled,
} from "./pair.ts";
import { stateOf, type Team } from "./pair.ts";
import type { Rig } from "./rig.ts";

interface Board {
  readonly contextId: ContextId;
  readonly applicationId: ApplicationId;
}

const ORDERS_TIMEOUT = 60_000;
let v1: Uint8Array;
let v2: Uint8Array;
let team: Team;

beforeAll(async () => {
  [v1, v2] = await Promise.all([builtApp("task-board/v1"), builtApp("task-board/v2")]);
  team = await openTeam();
}, ORDERS_TIMEOUT);
afterAll(() => team.close());

const installV2 = (rig: Rig, as: ApplicationId): Promise<ApplicationId> => rig.install(v2, { as, version: "2.0.0" });
const migrate = (rig: Rig, { contextId, applicationId }: Board): Promise<void> =>
  rig.contexts.updateApplication({ contextId, applicationId, version: "2.0.0", migrateMethod: "fromV1" });
const versionOf = async (rig: Rig, { contextId }: Board): Promise<string | undefined> =>
  (await rig.contexts.getContext(contextId))?.version;
const rootOf = (rig: Rig, { contextId }: Board): Hash | undefined => rig.replicas.summary(contextId)?.root;
const add = (rig: Rig, { contextId }: Board, title: string): Promise<unknown> => call(rig, contextId, "add", { title });

async function titlesOf(rig: Rig, { contextId }: Board): Promise<readonly string[]> {
  const tasks = (await call(rig, contextId, "list")) as readonly { readonly title: string }[];
  return tasks.map(({ title }) => title).toSorted();
}

/** Names of the team's nodes are new for each test: their directories are. */
async function boardOn(names: readonly string[]): Promise<{ board: Board; rigs: readonly Rig[] }> {
  const rigs = await Promise.all(names.map((name) => team.open(name)));
  const [first, ...others] = rigs as [Rig, ...Rig[]];
  const created = await createOn(first, v1, { title: "Board" });
  // A raw module's id is its content: here both versions are of one application, as those of a bundle.
  const board = { contextId: created.contextId, applicationId: created.applicationId };
  for (const other of others) await joinFrom(first, other, board.contextId, v1);
  return { board, rigs };
}

/** The one delta that `of` has made since `before` was level with it. */
async function latest(of: Rig, before: Rig, { contextId }: Board): Promise<Uint8Array> {
  const ids = await lacking(of, before, contextId);
  return bodyOf(of, contextId, ids.at(-1)!);
}

function* orders<T>(all: readonly T[]): Generator<readonly T[]> {
  if (all.length === 0) yield [];
  for (const [at, first] of all.entries()) {
    for (const rest of orders(all.toSpliced(at, 1))) yield [first, ...rest];
  }
}

test(
  "a write of the old version, two migrations, and a write of the new version, in all orders",
  async () => {
    const { board, rigs } = await boardOn(["a1", "b1", "old1", "receiver1"]);
    const [a, b, old, receiver] = rigs as [Rig, Rig, Rig, Rig];
    await add(a, board, "Early");
    for (const other of [b, old, receiver]) await level(a, other, board.contextId);
    for (const rig of rigs) await installV2(rig, board.applicationId);
    await add(old, board, "Old");
    const oldDelta = await latest(old, receiver, board);
    await migrate(b, board);
    const byB = await latest(b, receiver, board);
    await migrate(a, board);
    const byA = await latest(a, receiver, board);
    await add(a, board, "New");
    const newDelta = await latest(a, receiver, board);
    const deltas = new Map([
      ["old", oldDelta],
      ["A", byA],
      ["B", byB],
      ["new", newDelta],
    ]);
    const ends = new Set<string>();
    for (const [n, order] of [...orders([...deltas.keys()])].entries()) {
      const rig = await team.open(`orders${n}`);
      await rig.install(v1);
      await joinFrom(receiver, rig, board.contextId, v1);
      await installV2(rig, board.applicationId);
      const arrived: string[] = [];
      for (const name of order) {
        const { refused } = await rig.replicas.receive(board.contextId, [deltas.get(name)!]);
        expect(refused, `${order.join()}: ${name}`).toEqual([]);
        arrived.push(name);
        const moved = arrived.includes("A") || arrived.includes("B");
        expect(await versionOf(rig, board), `${order.join()} after ${name}`).toBe(moved ? "2.0.0" : "1.0.0");
        const titles = ["Early", ...(arrived.includes("old") ? ["Old"] : [])];
        if (arrived.includes("new") && arrived.includes("A")) titles.push("New");
        expect(await titlesOf(rig, board), `${order.join()} after ${name}`).toEqual(titles.toSorted());
      }
      ends.add(await stateOf(rig, board.contextId));
      await rig.close();
    }
    expect(ends.size).toBe(1);
    await level(a, b, board.contextId);
    await level(a, old, board.contextId);
    await level(b, old, board.contextId);
    await level(a, b, board.contextId);
    for (const rig of [a, b, old]) ends.add(await stateOf(rig, board.contextId));
    expect(ends.size).toBe(1);
  },
  ORDERS_TIMEOUT,
);

test(
  "whoever writes and moves when, nodes end with one version, one state, and every task",
  async () => {
    const { board, rigs } = await boardOn(["a2", "b2", "c2"]);
    for (const rig of rigs) await installV2(rig, board.applicationId);
    const random = seeded(5);
    const titles: string[] = [];
    for (let step = 0; step < 60; step++) {
      const rig = rigs[Math.floor(random.next() * rigs.length)]!;
      const dice = random.next();
      if (dice < 0.55) {
        titles.push(`task ${step}`);
        await add(rig, board, `task ${step}`);
      } else if (step > 20 && dice < 0.65) await migrate(rig, board);
      else {
        const from = rigs[Math.floor(random.next() * rigs.length)]!;
        if (from === rig) continue;
        const bodies = shuffled(await bodiesFor(from, rig, board.contextId), () => random.next());
        expect((await rig.replicas.receive(board.contextId, bodies.slice(0, 3))).refused).toEqual([]);
      }
    }
    await migrate(rigs[0]!, board);
    for (const from of [...rigs, ...rigs])
      for (const to of rigs) if (to !== from) await level(from, to, board.contextId);
    const states = new Set(await Promise.all(rigs.map((rig) => stateOf(rig, board.contextId))));
    expect(states.size).toBe(1);
    for (const rig of rigs) {
      expect(await versionOf(rig, board)).toBe("2.0.0");
      expect(await titlesOf(rig, board)).toEqual(titles.toSorted());
    }
  },
  ORDERS_TIMEOUT,
);

test("a move waits for the application, with all upon it; what is concurrent does not, nor does a restart lose it", async () => {
  const { board, rigs } = await boardOn(["a3", "b3", "c3"]);
  const [a, b, c] = rigs as [Rig, Rig, Rig];
  await installV2(a, board.applicationId);
  await migrate(a, board);
  await add(a, board, "New");
  await add(c, board, "Old");
  const received = await b.replicas.receive(board.contextId, await bodiesFor(a, b, board.contextId));
  expect(received).toMatchObject({ applied: [], refused: [] });
  expect(received.waiting).toHaveLength(2);
  expect(b.replicas.awaited().filter((each) => each.version === "2.0.0")).toMatchObject([
    { contextId: board.contextId, version: "2.0.0" },
  ]);
  await b.replicas.receive(board.contextId, await bodiesFor(c, b, board.contextId));
  expect(await titlesOf(b, board)).toEqual(["Old"]);
  expect(await versionOf(b, board)).toBe("1.0.0");
  await b.close();
  const again = await team.open("b3");
  await again.install(v1);
  await again.replicas.governanceGrew(board.contextId);
  expect(again.replicas.awaited().map((each) => each.version)).toContain("2.0.0");
  await installV2(again, board.applicationId);
  await again.replicas.governanceGrew(board.contextId);
  expect(again.replicas.awaited()).toHaveLength(1);
  expect(await versionOf(again, board)).toBe("2.0.0");
  expect(await titlesOf(again, board)).toEqual(["New", "Old"]);
  expect(again.events).toContainEqual({
    contextId: board.contextId,
    event: { type: "AppVersionChanged", fromVersion: "1.0.0", toVersion: "2.0.0" },
  });
});

test("a move that its author might not make is refused, and so is all upon it", async () => {
  const { board, rigs } = await boardOn(["a4", "b4"]);
  const [a, b] = rigs as [Rig, Rig];
  for (const rig of rigs) await installV2(rig, board.applicationId);
  await migrate(a, board);
  await add(a, board, "New");
  b.mayMove = false;
  const { refused } = await b.replicas.receive(board.contextId, await bodiesFor(a, b, board.contextId));
  expect(refused.map(({ forged }) => forged)).toEqual([true, false]);
  expect(await versionOf(b, board)).toBe("1.0.0");
});

test("a move without a migration is told like any other, and a first state says which version it is of", async () => {
  const { board, rigs } = await boardOn(["a5", "b5"]);
  const [a, b] = rigs as [Rig, Rig];
  const root = rootOf(a, board);
  for (const rig of rigs) await rig.install(v1, { as: board.applicationId, version: "1.1.0" });
  const { contextId, applicationId } = board;
  await a.contexts.updateApplication({ contextId, applicationId, version: "1.1.0" });
  await a.contexts.updateApplication({ contextId, applicationId, version: "1.1.0" });
  expect(await lacking(a, b, contextId)).toHaveLength(1);
  await level(a, b, contextId);
  expect([await versionOf(b, board), rootOf(b, board)]).toEqual(["1.1.0", root]);
  const c = await team.open("c5");
  const groupId = "ab".repeat(32) as never;
  await c.contexts.joinContext({ contextId, applicationId, version: "1.0.0", service: "default", groupId });
  await installFrom(b, c, contextId);
  expect(await c.contexts.getContext(contextId)).toMatchObject({
    version: "1.1.0",
    moved: (await b.contexts.getContext(contextId))?.moved,
  });
});

test("a call that waits for its turn while a move comes runs the new version", async () => {
  const { board, rigs } = await boardOn(["a6", "b6"]);
  const [a, b] = rigs as [Rig, Rig];
  for (const rig of rigs) await installV2(rig, board.applicationId);
  const task = await add(a, board, "Task");
  await level(a, b, board.contextId);
  await migrate(a, board);
  const bodies = await bodiesFor(a, b, board.contextId);
  const reads = Array.from({ length: 20 }, () => call(b, board.contextId, "list"));
  const received = b.replicas.receive(board.contextId, bodies);
  const writes = Array.from({ length: 5 }, (_, n) => call(b, board.contextId, "assign", { task, assignee: `w${n}` }));
  const later = Array.from({ length: 20 }, () => call(b, board.contextId, "list"));
  await received;
  await Promise.all(writes);
  const shapes = (await Promise.all([...reads, ...later])) as readonly object[][];
  // One version's shape or the other's: never the old version on the new state, which knows no `assignee`.
  for (const [one] of shapes) expect(["assignee", "assignees"].some((name) => Object.hasOwn(one!, name))).toBe(true);
  expect(await versionOf(b, board)).toBe("2.0.0");
});

test("of two moves at once to two versions the later counts, whichever comes first", async () => {
  const { board, rigs } = await boardOn(["a7", "b7", "c7", "d7"]);
  const [a, b, c, d] = rigs as [Rig, Rig, Rig, Rig];
  const { contextId, applicationId } = board;
  for (const rig of rigs) {
    for (const version of ["1.1.0", "1.2.0"]) await rig.install(v1, { as: applicationId, version });
  }
  await a.contexts.updateApplication({ contextId, applicationId, version: "1.2.0" });
  await b.contexts.updateApplication({ contextId, applicationId, version: "1.1.0" });
  const [byA, byB] = [await bodiesFor(a, c, contextId), await bodiesFor(b, c, contextId)];
  for (const [rig, first, second] of [[c, byA, byB] as const, [d, byB, byA] as const]) {
    await rig.replicas.receive(contextId, first);
    await rig.replicas.receive(contextId, second);
  }
  await level(a, b, contextId);
  expect(await Promise.all(rigs.map((rig) => versionOf(rig, board)))).toEqual(rigs.map(() => "1.1.0"));
});
