/** How what arrives is merged: in batches that may be cut short, or be too much for a thread; and stores of before there were any. */
import { MAX_PARENTS, decodeDelta, sealDelta } from "@shoal/node/dag/delta.ts";
import { writeStorageDelta } from "@shoal/node/crdt/actions.ts";
import { bytesOf, type ContextId } from "@shoal/node/model/ids.ts";
import { sign } from "@shoal/node/model/keys.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import type { Executor, MergeOutcome, MergeRequest } from "@shoal/node/runtime/contract.ts";
import { prefixRange } from "@shoal/node/storage/keys.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { builtApp } from "../../sdk/app/built.ts";
import { bodiesFor, call, createOn, joinFrom, level, openTeam, stateOf, type Team } from "./pair.ts";
import type { Rig } from "./rig.ts";

let team: Team;
let alice: Rig;
let bob: Rig;
let module: Uint8Array;
let contextId: ContextId;
let merge: (request: MergeRequest, executor: Executor) => Promise<MergeOutcome>;
const whole: typeof merge = (request, executor) => executor.merge(request);

beforeAll(async () => {
  module = await builtApp("kv-store");
  team = await openTeam();
  const options = { merge: (request: MergeRequest, executor: Executor) => merge(request, executor) };
  [alice, bob] = await Promise.all([team.open("alice"), team.open("bob", options)]);
});
afterAll(() => team.close());

beforeEach(async () => {
  merge = whole;
  ({ contextId } = await createOn(alice, module));
  await joinFrom(alice, bob, contextId, module);
});

async function history(length: number): Promise<readonly Uint8Array[]> {
  for (let n = 0; n < length; n++) await call(alice, contextId, "set", { key: `${n % 3}`, value: `${n}` });
  return bodiesFor(alice, bob, contextId);
}

async function expectLevel(): Promise<void> {
  expect(bob.replicas.summary(contextId)).toEqual(alice.replicas.summary(contextId));
  expect(await stateOf(bob, contextId)).toBe(await stateOf(alice, contextId));
}

test("a merge that comes back with a part of the batch goes on with the rest, in order", async () => {
  const bodies = await history(20);
  let asked = 0;
  merge = async (request, executor) => {
    asked += 1;
    return executor.merge({ ...request, deltas: request.deltas.slice(0, 3) });
  };
  const received = await bob.replicas.receive(contextId, bodies.toReversed());
  expect([received.applied.length, asked]).toEqual([20, 7]);
  await expectLevel();
});

test("a delta whose merge does not end is found and given up with what builds upon it; what stands beside it is applied", async () => {
  const [first, second, third] = (await history(3)).map((body) => decodeDelta(body));
  const beside = sealDelta({ ...third!, parents: [first!.id] }, (message) =>
    sign(sha256(Buffer.from("alice")), message),
  );
  merge = async (request, executor) => {
    const isThere = request.deltas.some(({ artifact }) => Buffer.compare(artifact, second!.artifact) === 0);
    if (isThere) throw new ShoalError("deadline_exceeded", "a delta took too long");
    return executor.merge(request);
  };
  const bodies = [...(await bodiesFor(alice, bob, contextId)), beside.bytes];
  const received = await bob.replicas.receive(contextId, bodies);
  expect(received.applied).toHaveLength(2);
  expect(received.refused.map(({ index, forged }) => [index, forged])).toEqual([
    [1, false],
    [2, false],
  ]);
});

test("an executor that refuses leaves everything as it was, and the same deltas are welcome afterwards", async () => {
  const bodies = await history(5);
  merge = () => Promise.reject(new ShoalError("unavailable", "too much waits"));
  await expect(bob.replicas.receive(contextId, bodies)).rejects.toMatchObject({ code: "unavailable" });
  expect(bob.replicas.summary(contextId)?.deltas).toBe(1);
  merge = whole;
  expect((await bob.replicas.receive(contextId, bodies)).applied).toHaveLength(5);
  await expectLevel();
});

test("nothing is built upon a batch that the disk refused", async () => {
  const bodies = await history(4);
  merge = (request, executor) => executor.merge({ ...request, deltas: request.deltas.slice(0, 1) });
  const apply = bob.store.apply.bind(bob.store);
  let batches = 0;
  bob.store.apply = async (rows) => {
    if (rows.some(({ column }) => column === "delta") && ++batches === 2) throw new ShoalError("unavailable", "full");
    return apply(rows);
  };
  await expect(bob.replicas.receive(contextId, bodies)).rejects.toMatchObject({ code: "unavailable" });
  bob.store.apply = apply;
  expect([bob.replicas.summary(contextId)?.deltas, (await bob.replicas.ids(contextId)).size]).toEqual([2, 2]);
  expect((await bob.replicas.receive(contextId, bodies)).applied).toHaveLength(3);
  await expectLevel();
});

test("a write upon more heads than a delta may name joins as many as it may, and peers take it", async () => {
  const delta = decodeDelta((await history(1))[0]!);
  const artifact = writeStorageDelta({ layout: "G3", actions: [] });
  const bodies = Array.from({ length: MAX_PARENTS + 20 }, (_, n) => {
    const time = delta.hlc.time + BigInt(n + 1);
    const body = { ...delta, hlc: { ...delta.hlc, time }, artifact, events: [] };
    return sealDelta(body, (message) => sign(sha256(Buffer.from("alice")), message)).bytes;
  });
  await bob.replicas.receive(contextId, bodies);
  expect(bob.replicas.summary(contextId)?.heads).toHaveLength(MAX_PARENTS + 20);
  await call(bob, contextId, "set", { key: "bob", value: "b" });
  expect(bob.replicas.summary(contextId)?.heads).toHaveLength(21);
  await call(bob, contextId, "set", { key: "bob", value: "c" });
  expect(bob.replicas.summary(contextId)?.heads).toHaveLength(1);
  await level(alice, bob, contextId);
  await level(alice, bob, contextId);
  await call(alice, contextId, "set", { key: "alice", value: "a" });
  await level(alice, bob, contextId);
  await expectLevel();
});

test("a store of before deltas were counted is counted at its start", async () => {
  await history(4);
  await level(alice, bob, contextId);
  const before = [bob.replicas.summary(contextId), (await bob.replicas.ids(contextId)).fingerprint()];
  const prefix = bytesOf(contextId);
  const meta = JSON.parse(new TextDecoder().decode(bob.store.get("meta", prefix))) as Record<string, unknown>;
  delete meta["deltas"];
  await bob.store.apply([{ column: "meta", key: prefix, value: Buffer.from(JSON.stringify(meta)) }]);
  // Bob has no body of the first delta; it came with his first state.
  const [first] = [...(await alice.replicas.ids(contextId)).items()];
  const body = alice.store.get("delta", Uint8Array.of(...prefix, ...first!.id));
  await bob.store.apply([{ column: "delta", key: Uint8Array.of(...prefix, ...first!.id), value: body }]);
  for await (const [key] of bob.store.scan("known", prefixRange(prefix))) {
    await bob.store.apply([{ column: "known", key: Uint8Array.from(key), value: undefined }]);
  }
  await bob.close();
  bob = await team.open("bob");
  await bob.install(module);
  expect([bob.replicas.summary(contextId), (await bob.replicas.ids(contextId)).fingerprint()]).toEqual(before);
});
