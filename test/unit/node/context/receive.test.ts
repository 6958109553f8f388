/** Deltas from another node, in every order, also while both write: what becomes of them, and that both end in one state. */
import type { Divergence } from "@shoal/node/context/replica.ts";
import { decodeDelta, sealDelta } from "@shoal/node/dag/delta.ts";
import { idOf, type ContextId, type Hash, type PublicKey } from "@shoal/node/model/ids.ts";
import { sign } from "@shoal/node/model/keys.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtApp } from "../../sdk/app/built.ts";
import { bodiesFor, call, createOn, joinFrom, level, openTeam, shuffled, stateOf, type Team } from "./pair.ts";
import type { Rig } from "./rig.ts";

let team: Team;
let alice: Rig;
let bob: Rig;
let module: Uint8Array;

beforeAll(async () => {
  module = await builtApp("kv-store");
  team = await openTeam();
  [alice, bob] = await Promise.all([team.open("alice"), team.open("bob")]);
});
afterAll(() => team.close());

async function shared(): Promise<ContextId> {
  const { contextId } = await createOn(alice, module);
  await joinFrom(alice, bob, contextId, module);
  return contextId;
}

const write = async (rig: Rig, contextId: ContextId, writes: number, name = "key"): Promise<void> => {
  for (let n = 0; n < writes; n++)
    await call(rig, contextId, "set", { key: `${name} ${n % 7}`, value: `${name} ${n}` });
};

async function expectLevel(contextId: ContextId): Promise<void> {
  const [a, b] = [alice.replicas.summary(contextId), bob.replicas.summary(contextId)];
  expect(b).toEqual(a);
  expect(await stateOf(bob, contextId)).toBe(await stateOf(alice, contextId));
  const [mine, theirs] = [await alice.replicas.ids(contextId), await bob.replicas.ids(contextId)];
  expect(theirs.fingerprint()).toEqual(mine.fingerprint());
}

test("deltas in order are applied, repeated ones are known, and readers see what they wrote", async () => {
  const contextId = await shared();
  await write(alice, contextId, 10);
  const bodies = await bodiesFor(alice, bob, contextId);
  const received = await bob.replicas.receive(contextId, [...bodies, bodies[3]!]);
  expect(received).toMatchObject({ waiting: [], refused: [] });
  expect(received.applied).toHaveLength(10);
  await expectLevel(contextId);
  expect(await call(bob, contextId, "get", { key: "key 2" })).toBe("key 9");
  const again = await bob.replicas.receive(contextId, bodies);
  expect([again.applied, again.known.length]).toEqual([[], 10]);
});

test.each([1, 2, 3])("in any order, piece by piece, with repetitions (seed %i)", async (seed) => {
  const contextId = await shared();
  await write(alice, contextId, 12);
  const random = seeded(seed);
  const bodies = await bodiesFor(alice, bob, contextId);
  const arrivals = shuffled([...bodies, ...bodies.slice(0, 5)], () => random.next());
  for (let at = 0; at < arrivals.length; at += 3) await bob.replicas.receive(contextId, arrivals.slice(at, at + 3));
  await expectLevel(contextId);
  expect(bob.replicas.missing(contextId, 10)).toEqual([]);
});

test("reversed, over a restart in the middle: what waited is there, and what is wanted is said", async () => {
  const contextId = await shared();
  await write(alice, contextId, 8);
  const bodies = (await bodiesFor(alice, bob, contextId)).toReversed();
  const first = await bob.replicas.receive(contextId, bodies.slice(0, 5));
  expect([first.applied.length, first.waiting.length]).toEqual([0, 5]);
  // What waits already and comes again is no step forward.
  const again = await bob.replicas.receive(contextId, bodies.slice(0, 5));
  expect(again).toMatchObject({ applied: [], waiting: [], known: first.waiting });
  const wanted = bob.replicas.missing(contextId, 10);
  expect(wanted).toHaveLength(1);
  await bob.close();
  bob = await team.open("bob");
  await bob.install(module);
  expect(bob.replicas.missing(contextId, 10)).toEqual(wanted);
  const rest = await bob.replicas.receive(contextId, bodies.slice(5));
  expect(rest.applied).toHaveLength(8);
  await expectLevel(contextId);
  for await (const [key] of bob.store.scan("pending")) expect.unreachable(`left waiting: ${key.length}`);
});

test("writes on both sides at once come to one root, and the next write joins the heads", async () => {
  const contextId = await shared();
  for (let round = 0; round < 3; round++) {
    await Promise.all([
      write(alice, contextId, 6, "alice"),
      write(bob, contextId, 6, "bob"),
      write(alice, contextId, 3),
    ]);
    await level(alice, bob, contextId);
    await expectLevel(contextId);
  }
  expect(alice.replicas.summary(contextId)?.heads).toHaveLength(2);
  await write(bob, contextId, 1);
  expect(bob.replicas.summary(contextId)?.heads).toHaveLength(1);
  await level(alice, bob, contextId);
  await expectLevel(contextId);
  expect(await call(alice, contextId, "get", { key: "bob 5" })).toBe("bob 5");
});

test("receiving while writing: calls and deltas of others take turns", async () => {
  const contextId = await shared();
  await write(alice, contextId, 20, "alice");
  const bodies = await bodiesFor(alice, bob, contextId);
  await Promise.all([
    write(bob, contextId, 15, "bob"),
    ...bodies.map((body) => bob.replicas.receive(contextId, [body])),
  ]);
  await level(alice, bob, contextId);
  await expectLevel(contextId);
});

test("listeners hear of own deltas only, in their order, and as they are stored; subscribers hear of all", async () => {
  const contextId = await shared();
  const heard: Hash[] = [];
  const stop = bob.replicas.onCommitted(({ id, bytes, contextId: of }) => {
    if (of === contextId) heard.push(id);
    expect(decodeDelta(bytes).author).toHaveLength(32);
  });
  const from = bob.events.length;
  await write(alice, contextId, 2);
  await level(alice, bob, contextId);
  await write(bob, contextId, 3);
  stop();
  await write(bob, contextId, 1);
  expect(heard).toHaveLength(3);
  const ids = [...(await bob.replicas.ids(contextId)).items()].slice(-4, -1);
  expect(heard).toEqual(ids.map(({ id }) => idOf<Hash>(id)));
  const told = bob.events.slice(from).flatMap((event) => ("contextId" in event ? [event.event] : []));
  const events = told.flatMap((event) => (event.type === "StateMutation" ? event.events : []));
  expect(events.map(({ kind }) => kind)).toEqual(Array.from({ length: 6 }, () => "Stored"));
});

test("where the disk refuses a batch, whoever handed it in hears so, and the same deltas are welcome afterwards", async () => {
  const contextId = await shared();
  await write(alice, contextId, 30);
  const bodies = await bodiesFor(alice, bob, contextId);
  const apply = bob.store.apply.bind(bob.store);
  let batches = 0;
  bob.store.apply = async (rows) => {
    if (rows.some(({ column }) => column === "delta") && ++batches === 2) throw new ShoalError("unavailable", "full");
    return apply(rows);
  };
  const parts = Array.from({ length: 10 }, (_, at) => bodies.slice(at * 3, at * 3 + 3));
  const outcomes = await Promise.allSettled(parts.map((part) => bob.replicas.receive(contextId, part)));
  expect(outcomes.filter(({ status }) => status === "rejected").length).toBeGreaterThan(0);
  bob.store.apply = apply;
  expect((await bob.replicas.receive(contextId, bodies)).refused).toEqual([]);
  await expectLevel(contextId);
});

test("a root that is not its author's is told and not bent; what is there already changes nothing", async () => {
  const contextId = await shared();
  await write(alice, contextId, 1, "first");
  const [lost] = await bodiesFor(alice, bob, contextId);
  await level(alice, bob, contextId);
  const { artifact } = decodeDelta(lost!);
  await call(alice, contextId, "set", { key: "only", value: "here" });
  const [apart] = await bodiesFor(alice, bob, contextId);
  const divergences: Divergence[] = [];
  const stop = bob.replicas.onDivergence((divergence) => divergences.push(divergence));
  const wrong = sealDelta({ ...decodeDelta(apart!), expectedRoot: new Uint8Array(32).fill(1) }, (message) =>
    sign(sha256(Buffer.from("alice")), message),
  );
  await bob.replicas.receive(contextId, [wrong.bytes]);
  stop();
  expect(divergences).toEqual([
    {
      contextId,
      delta: idOf<Hash>(wrong.id),
      expected: idOf<Hash>(new Uint8Array(32).fill(1)),
      found: bob.replicas.summary(contextId)?.root,
    },
  ]);
  expect(bob.replicas.summary(contextId)?.root).toBe(alice.replicas.summary(contextId)?.root);
  const before = bob.replicas.summary(contextId);
  expect(await bob.replicas.mergeEntities(contextId, artifact)).toBe(before?.root);
  expect(bob.replicas.summary(contextId)).toEqual(before);
  await expect(bob.replicas.mergeEntities(contextId, Uint8Array.of(9))).rejects.toMatchObject({
    code: "invalid_argument",
  });
});

test("entities of a tree comparison change the state and its root, and no head", async () => {
  const contextId = await shared();
  await write(alice, contextId, 1);
  const [body] = await bodiesFor(alice, bob, contextId);
  const before = bob.replicas.summary(contextId);
  const root = await bob.replicas.mergeEntities(contextId, decodeDelta(body!).artifact);
  expect(root).toBe(alice.replicas.summary(contextId)?.root);
  expect(bob.replicas.summary(contextId)).toEqual({ ...before, root });
  expect((await bob.replicas.receive(contextId, [body!])).applied).toHaveLength(1);
  await expectLevel(contextId);
});

test("presence is told here and to whoever passes it on; contexts come and go with a word", async () => {
  const turnover: string[] = [];
  const presence: string[] = [];
  const stops = [
    bob.replicas.onContext(({ type }) => turnover.push(type)),
    bob.replicas.onEphemeral(({ state }) => presence.push(Buffer.from(state).toString())),
  ];
  const contextId = await shared();
  await bob.contexts.setEphemeral(contextId, Buffer.from("typing"));
  bob.replicas.hearEphemeral(contextId, alice.account as PublicKey, Buffer.from("away"));
  await bob.contexts.deleteContext(contextId);
  for (const stop of stops) stop();
  expect([turnover, presence]).toEqual([["joined", "deleted"], ["typing"]]);
  expect(bob.events.slice(-2)).toMatchObject([
    { event: { type: "Ephemeral", author: bob.account, removed: false } },
    { event: { type: "Ephemeral", author: alice.account, removed: false } },
  ]);
  await expect(bob.replicas.receive(contextId, [])).rejects.toMatchObject({ code: "not_found" });
});
