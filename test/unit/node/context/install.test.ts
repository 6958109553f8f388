/** A first state from another node: whole or not at all, over interruptions, and never onto a state. */
import { bytesOf, idOf, type ContextId, type GroupId, type Hash } from "@shoal/node/model/ids.ts";
import type { ReplicaSnapshot, StateRow } from "@shoal/node/context/replica.ts";
import type { IdItem } from "@shoal/node/sync/protocols/contract.ts";
import { CLOCK_KEY } from "@shoal/node/storage/merkle/row-keys.ts";
import { prefixRange } from "@shoal/node/storage/keys.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { builtApp } from "../../sdk/app/built.ts";
import { bodiesFor, call, createOn, installFrom, level, openTeam, stateOf, type Team } from "./pair.ts";
import type { Rig } from "./rig.ts";

let team: Team;
let alice: Rig;
let bob: Rig;
let module: Uint8Array;
let contextId: ContextId;

beforeAll(async () => {
  module = await builtApp("kv-store");
  team = await openTeam();
  [alice, bob] = await Promise.all([team.open("alice"), team.open("bob")]);
});
afterAll(() => team.close());

beforeEach(async () => {
  ({ contextId } = await createOn(alice, module));
  for (let n = 0; n < 40; n++) await call(alice, contextId, "set", { key: `key ${n}`, value: "x".repeat(200) });
  const applicationId = await bob.install(module);
  const joined = {
    contextId,
    applicationId,
    version: "1.0.0",
    service: "default",
    groupId: "ab".repeat(32) as GroupId,
  };
  expect(await bob.contexts.joinContext(joined)).toBe(true);
  expect(await bob.contexts.joinContext(joined)).toBe(false);
});

async function staged(): Promise<number> {
  let rows = 0;
  for await (const _ of bob.store.scan("staging", prefixRange(bytesOf(contextId)))) rows += 1;
  return rows;
}

async function expectLevel(): Promise<void> {
  expect(bob.replicas.summary(contextId)).toEqual(alice.replicas.summary(contextId));
  expect(await stateOf(bob, contextId)).toBe(await stateOf(alice, contextId));
  expect((await bob.replicas.ids(contextId)).fingerprint()).toEqual(
    (await alice.replicas.ids(contextId)).fingerprint(),
  );
  expect(await staged()).toBe(0);
}

test("before its first state a context answers nobody; with it both write and come to one root", async () => {
  await expect(call(bob, contextId, "get", { key: "key 1" })).rejects.toThrow("Uninitialized");
  await expect(bob.replicas.snapshot(contextId)).rejects.toMatchObject({ code: "unavailable" });
  expect(bob.replicas.summary(contextId)).toMatchObject({ isInitialized: false, layout: "empty", deltas: 0 });
  await installFrom(alice, bob, contextId);
  await expectLevel();
  await call(bob, contextId, "set", { key: "bob", value: "here" });
  await call(alice, contextId, "set", { key: "alice", value: "here" });
  await level(alice, bob, contextId);
  await expectLevel();
  expect(await call(alice, contextId, "get", { key: "bob" })).toBe("here");
});

test("whoever reads the first state in the moment that it can be read gets its ids with it", async () => {
  // A set that was read while there was nothing.
  expect((await bob.replicas.ids(contextId)).size).toBe(0);
  const apply = bob.store.apply.bind(bob.store);
  const found: number[] = [];
  bob.store.apply = async (rows) => {
    await apply(rows);
    if (!rows.some(({ column }) => column === "meta")) return;
    using snapshot = await bob.replicas.snapshot(contextId);
    found.push(snapshot.boundary.deltas, snapshot.ids(undefined, 1000).length);
  };
  await installFrom(alice, bob, contextId);
  bob.store.apply = apply;
  expect(found).toEqual([41, 41]);
});

test("it goes on where it was after a restart, as long as it is the same moment", async () => {
  expect(await installFrom(alice, bob, contextId, 2)).toBe(false);
  const before = await staged();
  expect(before).toBeGreaterThan(5);
  await bob.close();
  bob = await team.open("bob");
  await bob.install(module);
  {
    using snapshot = await alice.replicas.snapshot(contextId);
    const install = await bob.replicas.beginInstall(contextId, snapshot.boundary);
    expect(install.resumeAfter).toBeDefined();
    expect(await staged()).toBe(before);
  }
  await call(alice, contextId, "set", { key: "later", value: "y" });
  using snapshot = await alice.replicas.snapshot(contextId);
  const fresh = await bob.replicas.beginInstall(contextId, snapshot.boundary);
  expect([fresh.resumeAfter, await staged()]).toEqual([undefined, 1]);
  await installFrom(alice, bob, contextId);
  await expectLevel();
});

/** Takes the snapshot with what `change` makes of its rows, ids and boundary. */
async function installChanged(change: {
  readonly rows?: (rows: readonly StateRow[]) => readonly StateRow[];
  readonly ids?: (ids: readonly IdItem[]) => readonly IdItem[];
  readonly boundary?: (of: ReplicaSnapshot["boundary"]) => ReplicaSnapshot["boundary"];
}): Promise<void> {
  const { rows = (all) => all, ids = (all) => all, boundary = (of) => of } = change;
  using snapshot = await alice.replicas.snapshot(contextId);
  const install = await bob.replicas.beginInstall(contextId, boundary(snapshot.boundary));
  await install.add(rows(await snapshot.rows(undefined, Infinity)));
  await install.addIds(ids(snapshot.ids(undefined, 1000)));
  await install.finish();
}

const isClock = ({ key }: StateRow): boolean => Buffer.compare(key, CLOCK_KEY) === 0;

const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, place) => (place === at ? byte ^ 1 : byte));

test("one flipped bit, a missing row, forged heads or ids: nothing is taken, and a whole one is welcome afterwards", async () => {
  const other = idOf<Hash>(new Uint8Array(32).fill(3));
  const changes: Parameters<typeof installChanged>[0][] = [
    { rows: (rows) => rows.map((row, at) => (at === 9 ? { ...row, value: flipped(row.value, 60) } : row)) },
    { rows: (rows) => rows.filter((_, at) => at !== 5) },
    // The stamp that every later write of the context must be after: no root covers it.
    { rows: (rows) => rows.map((row) => (isClock(row) ? { ...row, value: new Uint8Array(8).fill(255) } : row)) },
    { ids: (ids) => ids.slice(1) },
    { ids: (ids) => [...ids.slice(0, -1), { time: 1n, id: new Uint8Array(32) }] },
    { boundary: (of) => ({ ...of, root: other }) },
    { boundary: (of) => ({ ...of, heads: of.heads.map((head) => flipped(head, 20)) }) },
    { boundary: (of) => ({ ...of, heads: [...of.heads, ...of.heads] }) },
  ];
  for (const change of changes) {
    await expect(installChanged(change)).rejects.toMatchObject({ code: "invalid_argument" });
    expect(bob.replicas.summary(contextId)?.isInitialized).toBe(false);
  }
  bob.rightAt = () => "read";
  await expect(installChanged({})).rejects.toMatchObject({ code: "invalid_argument" });
  bob.rightAt = () => "unknown";
  await expect(installChanged({})).rejects.toMatchObject({ code: "unavailable" });
  bob.rightAt = () => "write";
  await installChanged({});
  await expectLevel();
});

test("never onto a replica that has a state", async () => {
  await installFrom(alice, bob, contextId);
  await call(bob, contextId, "set", { key: "bob", value: "mine" });
  await expect(installFrom(alice, bob, contextId)).rejects.toMatchObject({ code: "conflict" });
  expect(await call(bob, contextId, "get", { key: "bob" })).toBe("mine");
});

test("deltas that arrive meanwhile wait, and follow the state; those that are in it are known", async () => {
  using snapshot = await alice.replicas.snapshot(contextId);
  await call(alice, contextId, "set", { key: "meanwhile", value: "yes" });
  const bodies = await bodiesFor(alice, bob, contextId);
  expect((await bob.replicas.receive(contextId, bodies)).waiting).toHaveLength(bodies.length);
  const install = await bob.replicas.beginInstall(contextId, snapshot.boundary);
  await install.add(await snapshot.rows(undefined, Infinity));
  await install.addIds(snapshot.ids(undefined, 1000));
  await install.finish();
  await bob.replicas.governanceGrew(contextId);
  await expectLevel();
});

test("a node that dies while rows are moved to their place has the whole state at its next start", async () => {
  const apply = bob.store.apply.bind(bob.store);
  let moving = 0;
  bob.store.apply = async (rows) => {
    const isMove = rows.some(({ column, value }) => column === "staging" && value === undefined);
    if (isMove && ++moving === 2) throw new ShoalError("unavailable", "the power is gone");
    return apply(rows);
  };
  await expect(installFrom(alice, bob, contextId)).rejects.toMatchObject({ code: "unavailable" });
  expect(bob.replicas.summary(contextId)?.isInitialized).toBe(false);
  await bob.close();
  bob = await team.open("bob");
  await bob.install(module);
  await expectLevel();
});

test("where the disk refuses the move, the state that was verified goes first, and nothing is mixed with another", async () => {
  const apply = bob.store.apply.bind(bob.store);
  let moving = 0;
  bob.store.apply = async (rows) => {
    const isMove = rows.some(({ column, value }) => column === "staging" && value === undefined);
    if (isMove && ++moving === 2) throw new ShoalError("unavailable", "the disk is full");
    return apply(rows);
  };
  await expect(installFrom(alice, bob, contextId)).rejects.toMatchObject({ code: "unavailable" });
  bob.store.apply = apply;
  await expect(installFrom(alice, bob, contextId)).rejects.toMatchObject({ code: "conflict" });
  await expectLevel();
});

test("a context that was left and joined again begins from nothing", async () => {
  await installFrom(alice, bob, contextId);
  await bob.contexts.deleteContext(contextId);
  expect(bob.replicas.summary(contextId)).toBeUndefined();
  const applicationId = await bob.install(module);
  const joined = {
    contextId,
    applicationId,
    version: "1.0.0",
    service: "default",
    groupId: "ab".repeat(32) as GroupId,
  };
  await bob.contexts.joinContext(joined);
  expect((await bob.replicas.ids(contextId)).size).toBe(0);
  await installFrom(alice, bob, contextId);
  await expectLevel();
});
