/** What a delta sets off where it arrives: handlers once each, and nothing that is for its author's node alone. */
import type { ContextId } from "@shoal/node/model/ids.ts";
import { prefixRange } from "@shoal/node/storage/keys.ts";
import { bytesOf } from "@shoal/node/model/ids.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { echoApp } from "./echo-app.ts";
import { bodiesFor, call, createOn, joinFrom, level, openTeam, type Team } from "./pair.ts";
import type { Rig } from "./rig.ts";

let team: Team;
let alice: Rig;
let bob: Rig;
let module: Uint8Array;
let contextId: ContextId;

beforeAll(async () => {
  module = await echoApp();
  team = await openTeam();
  [alice, bob] = await Promise.all([team.open("alice"), team.open("bob")]);
}, 60_000);
afterAll(() => team.close());

beforeEach(async () => {
  ({ contextId } = await createOn(alice, module));
  await joinFrom(alice, bob, contextId, module);
});

const counts = async (rig: Rig): Promise<unknown> => (await call(rig, contextId, "counts")) ?? [];

async function due(rig: Rig): Promise<number> {
  let rows = 0;
  for await (const _ of rig.store.scan("due", prefixRange(bytesOf(contextId)))) rows += 1;
  return rows;
}

const settled = (rig: Rig): Promise<true> =>
  eventually(async () => ((await due(rig)) === 0 ? true : undefined), "all handlers have run");

test("a handler runs on the other node, once, as an ordinary call; its own events call no further one", async () => {
  await call(alice, contextId, "ping", { text: "one" });
  await call(alice, contextId, "ping", { text: "two" });
  const bodies = await bodiesFor(alice, bob, contextId);
  await bob.replicas.receive(contextId, bodies);
  await bob.replicas.receive(contextId, bodies);
  await settled(bob);
  expect(await counts(bob)).toEqual([2, 2]);
  await level(alice, bob, contextId);
  await settled(alice);
  expect(await counts(alice)).toEqual([2, 2]);
  await level(alice, bob, contextId);
  expect(bob.replicas.summary(contextId)).toEqual(alice.replicas.summary(contextId));
});

test("a handler that fails, or changes nothing, holds up no other, and is not run again", async () => {
  for (const text of ["fail", "look", "fine"]) await call(alice, contextId, "ping", { text });
  await level(alice, bob, contextId);
  await settled(bob);
  expect(await counts(bob)).toEqual([3, 1]);
});

test("who may not write here runs none", async () => {
  await call(alice, contextId, "ping", { text: "one" });
  bob.right = "read";
  await level(alice, bob, contextId);
  await settled(bob);
  expect(await counts(bob)).toEqual([1, 0]);
  bob.right = "write";
});

test("what was due when the node went runs at its next start, and what was done does not", async () => {
  for (let n = 0; n < 5; n++) await call(alice, contextId, "ping", { text: `${n}` });
  const apply = bob.store.apply.bind(bob.store);
  let batches = 0;
  // The second handler's batch is never stored, as if the disk were full.
  bob.store.apply = async (rows) => {
    const isHandlers = rows.some(({ column, value }) => column === "due" && value === undefined);
    if (isHandlers && ++batches > 1) throw new ShoalError("unavailable", "the disk is full");
    return apply(rows);
  };
  await level(alice, bob, contextId);
  await eventually(() => (batches > 1 ? true : undefined), "a handler met the full disk");
  expect(await due(bob)).toBe(4);
  await bob.close();
  bob = await team.open("bob");
  expect(await due(bob)).toBe(4);
  // Whatever was waiting for the application is tried again whenever something comes.
  await bob.install(module);
  await bob.replicas.governanceGrew(contextId);
  await settled(bob);
  expect(await counts(bob)).toEqual([5, 5]);
});

test("private rows stay where they were written, and calls into other contexts are made where the call was made", async () => {
  const { contextId: target } = await createOn(alice, module);
  await joinFrom(alice, bob, target, module);
  await call(alice, contextId, "note", { text: "mine" });
  await call(alice, contextId, "callOther", { context: target });
  await eventually(async () => {
    const [pings] = (await call(alice, target, "counts")) as number[];
    return pings === 1 ? true : undefined;
  }, "the call into the other context was made");
  await level(alice, bob, contextId);
  expect([await call(alice, contextId, "noted"), await call(bob, contextId, "noted")]).toEqual(["mine", null]);
  expect(await call(bob, target, "counts")).toEqual([0, 0]);
  await level(alice, bob, target);
  expect((await call(bob, target, "counts")) as number[]).toEqual([1, expect.any(Number)]);
});
