/** Deltas that no honest node sends, and honest ones that come before their time: each is told apart, and harms nobody else. */
import {
  decodeDelta,
  encodeDelta,
  MAX_DELTA_BYTES,
  sealDelta,
  type Delta,
  type DeltaBody,
} from "@shoal/node/dag/delta.ts";
import { MAX_PENDING } from "@shoal/node/context/receive/inbox.ts";
import { ntp64 } from "@shoal/node/dag/hlc.ts";
import { writeStorageDelta } from "@shoal/node/crdt/actions.ts";
import { bytesOf, idOf, type ContextId, type Hash } from "@shoal/node/model/ids.ts";
import { keyPairOf, sign } from "@shoal/node/model/keys.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import { milliseconds, minutes, seconds, timestamp } from "@shoal/shared/base/time.ts";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";
import { builtApp } from "../../sdk/app/built.ts";
import { bodiesFor, call, createOn, joinFrom, level, openTeam, stateOf, type Team } from "./pair.ts";
import type { Rig } from "./rig.ts";

const ALICE = keyPairOf(sha256(Buffer.from("alice")), "secret");
const HOUR_NS = 3_600_000_000_000n;

let team: Team;
let alice: Rig;
let bob: Rig;
let contextId: ContextId;
let module: Uint8Array;
const clock = createVirtualClock(timestamp(Date.now()));

beforeAll(async () => {
  module = await builtApp("kv-store");
  team = await openTeam();
  [alice, bob] = await Promise.all([team.open("alice"), team.open("bob", { clock })]);
});
afterAll(() => team.close());

/** Bob's clock stands where it was set, which must not be behind Alice's. */
const catchUp = (): Promise<void> => clock.advance(milliseconds(Math.max(0, Date.now() - clock.now())));

beforeEach(async () => {
  bob.rightAt = () => "write";
  ({ contextId } = await createOn(alice, module));
  await joinFrom(alice, bob, contextId, module);
});

/** The next honest delta of Alice's, not yet at Bob's. */
async function honest(key = "a"): Promise<Delta> {
  await call(alice, contextId, "set", { key, value: "b" });
  await catchUp();
  return decodeDelta((await bodiesFor(alice, bob, contextId)).at(-1)!);
}

const signedBy =
  ({ secret }: typeof ALICE) =>
  (delta: DeltaBody): Uint8Array =>
    sealDelta(delta, (message) => sign(secret, message)).bytes;
const byAlice = signedBy(ALICE);

const idIn = (bytes: Uint8Array): Hash => idOf<Hash>(decodeDelta(bytes).id);

/** Bob refuses it as a forgery and nothing changes; afterwards the honest delta is still welcome. */
async function expectForged(bytes: Uint8Array, because: RegExp, after?: Delta): Promise<void> {
  const before = [await stateOf(bob, contextId), bob.replicas.summary(contextId)];
  const received = await bob.replicas.receive(contextId, [bytes]);
  expect(received).toMatchObject({ applied: [], known: [], waiting: [] });
  expect(received.refused).toEqual([{ index: 0, because: expect.stringMatching(because), forged: true }]);
  expect([await stateOf(bob, contextId), bob.replicas.summary(contextId)]).toEqual(before);
  if (after === undefined) return;
  expect((await bob.replicas.receive(contextId, [encodeDelta(after)])).applied).toHaveLength(1);
}

test("a signature of somebody else, and bytes that were changed", async () => {
  const delta = await honest();
  await expectForged(signedBy(keyPairOf(new Uint8Array(32), "secret"))(delta), /signature/);
  await expectForged(encodeDelta({ ...delta, artifact: Uint8Array.of(1, ...delta.artifact) }), /signature/);
  const bytes = encodeDelta(delta);
  bytes[10] = bytes[10]! ^ 1;
  await expectForged(bytes, /signature/, delta);
});

test("what is no delta, is too large, or is of another context", async () => {
  const delta = await honest();
  await expectForged(Uint8Array.of(1, 2, 3), /./);
  await expectForged(new Uint8Array(MAX_DELTA_BYTES + 1), /at most/);
  await expectForged(encodeDelta(delta).subarray(0, -1), /./);
  await expectForged(byAlice({ ...delta, context: new Uint8Array(32).fill(9) }), /another context/, delta);
});

test("an author who might not write at the position it names, and all that builds upon it", async () => {
  const delta = await honest();
  const child = await honest("c");
  bob.rightAt = (_, position) => (position.length === 0 ? "read" : "write");
  await expectForged(encodeDelta(delta), /might not write/);
  const second = await bob.replicas.receive(contextId, [encodeDelta({ ...child })]);
  expect(second.refused).toHaveLength(1);
  expect(bob.replicas.missing(contextId, 10)).toEqual([]);
});

test("an artifact that is none, writes that are dated back or ahead, and a delta that is older than its parents", async () => {
  const first = await honest();
  const second = await honest("c");
  const { hlc } = first;
  await bob.replicas.receive(contextId, [encodeDelta(first)]);
  await expectForged(byAlice({ ...second, artifact: Uint8Array.of(9, 9) }), /cannot be read/);
  await expectForged(byAlice({ ...second, artifact: first.artifact }), /before what it follows/);
  await expectForged(byAlice({ ...second, hlc: { ...hlc, time: hlc.time + 1n } }), /too far ahead/);
  await expectForged(byAlice({ ...second, hlc }), /not after/, second);
});

test("a delta upon a refused one is given up; what stands beside it is not", async () => {
  const first = await honest();
  await bob.replicas.receive(contextId, [encodeDelta(first)]);
  const second = await honest("c");
  const bad = byAlice({ ...second, artifact: Uint8Array.of(9, 9) });
  const upon = byAlice({
    ...second,
    parents: [decodeDelta(bad).id],
    hlc: { ...second.hlc, time: second.hlc.time + 9n },
  });
  const received = await bob.replicas.receive(contextId, [upon, bad, encodeDelta(second)]);
  expect(received.applied).toEqual([idOf<Hash>(second.id)]);
  expect(received.refused.map(({ index, forged }) => [index, forged])).toEqual([
    [0, false],
    [1, true],
  ]);
  await level(alice, bob, contextId);
  expect(bob.replicas.summary(contextId)?.root).toBe(alice.replicas.summary(contextId)?.root);
});

test("parents that nobody has, and a delta that names itself by them, wait; they do not hold up others", async () => {
  const delta = await honest();
  const orphan = byAlice({ ...delta, parents: [new Uint8Array(32).fill(7)] });
  const received = await bob.replicas.receive(contextId, [orphan, encodeDelta(delta)]);
  expect([received.waiting, received.applied]).toEqual([[idIn(orphan)], [idOf<Hash>(delta.id)]]);
  expect(bob.replicas.missing(contextId, 10)).toEqual([idOf<Hash>(new Uint8Array(32).fill(7))]);
});

test("a delta of a position that is not known yet waits, over a restart too, until governance has grown", async () => {
  const delta = await honest();
  bob.rightAt = () => "unknown";
  const received = await bob.replicas.receive(contextId, [encodeDelta(delta)]);
  expect(received.waiting).toEqual([idOf<Hash>(delta.id)]);
  expect([bob.replicas.waitsForOps(contextId), bob.replicas.missing(contextId, 5)]).toEqual([true, []]);
  await bob.close();
  bob = await team.open("bob", { clock, rightAt: () => "unknown" });
  await bob.install(module);
  await bob.replicas.governanceGrew(contextId);
  expect(bob.replicas.summary(contextId)?.deltas).toBe(1);
  bob.rightAt = () => "write";
  await bob.replicas.governanceGrew(contextId);
  expect(bob.replicas.summary(contextId)?.deltas).toBe(2);
  expect(bob.replicas.waitsForOps(contextId)).toBe(false);
});

test("a write of Bob's is later than what he received, though his clock stands still", async () => {
  await honest();
  await level(alice, bob, contextId);
  await call(bob, contextId, "set", { key: "a", value: "mine" });
  await level(alice, bob, contextId);
  expect(await call(alice, contextId, "get", { key: "a" })).toBe("mine");
});

test("a clock that is an hour ahead: its deltas wait for their time; one that is days ahead lies", async () => {
  const delta = await honest();
  const nowNs = BigInt(clock.now()) * 1_000_000n;
  await expectForged(byAlice({ ...delta, hlc: { ...delta.hlc, time: ntp64(nowNs + 49n * HOUR_NS) } }), /a day ahead/);
  const ahead = byAlice({ ...delta, hlc: { ...delta.hlc, time: ntp64(nowNs + HOUR_NS) } });
  const received = await bob.replicas.receive(contextId, [ahead]);
  expect(received.waiting).toEqual([idIn(ahead)]);
  await clock.advance(seconds(3590));
  expect(bob.replicas.summary(contextId)?.deltas).toBe(1);
  await eventually(async () => {
    await clock.advance(minutes(1));
    return bob.replicas.summary(contextId)?.deltas === 2 ? true : undefined;
  }, "the delta is applied");
});

test("what would wait for ever is dropped beyond the bound, and asked for again", async () => {
  const delta = await honest();
  let resyncs = 0;
  const stop = bob.replicas.onResync(() => (resyncs += 1));
  const orphan = (n: number): Uint8Array => {
    const parent = sha256(Buffer.from(`parent ${n}`));
    return byAlice({
      ...delta,
      parents: [parent],
      artifact: writeStorageDelta({ layout: "G3", actions: [] }),
      events: [],
    });
  };
  const bodies = Array.from({ length: MAX_PENDING + 10 }, (_, n) => orphan(n));
  await bob.replicas.receive(contextId, bodies);
  stop();
  expect(resyncs).toBeGreaterThan(0);
  let waiting = 0;
  const prefix = bytesOf(contextId);
  for await (const [key] of bob.store.scan("pending", { gte: prefix })) {
    if (Buffer.compare(key.subarray(0, 32), prefix) === 0) waiting += 1;
  }
  expect(waiting).toBe(MAX_PENDING);
  expect((await bob.replicas.receive(contextId, [bodies[0]!])).waiting).toHaveLength(1);
  expect((await bob.replicas.receive(contextId, [encodeDelta(delta)])).applied).toHaveLength(1);
});
