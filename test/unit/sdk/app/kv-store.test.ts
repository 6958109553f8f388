import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { builtApp } from "./built.ts";
import { openNode, type Replica, replicasOn, type TestNode } from "./replica.ts";

let wasm: Uint8Array;
let nodes: readonly TestNode[];
let alice: Replica;
let bob: Replica;

beforeAll(async () => {
  wasm = await builtApp("kv-store");
  nodes = await Promise.all([openNode(1), openNode(2)]);
});
afterAll(() => Promise.all(nodes.map((node) => node.close())));
beforeEach(async () => {
  [alice, bob] = (await replicasOn(nodes, wasm)) as [Replica, Replica];
  const { artifact } = await alice.call("init", { entries: [{ key: "colour", value: "red" }] });
  await bob.receive(artifact);
});

describe("the key-value store", () => {
  test("begins with what it was made with, on every replica", async () => {
    expect(await bob.value("get", { key: "colour" })).toBe("red");
    expect(bob.root).toBe(alice.root);
  });

  test("is made once", async () => {
    const { failure } = await alice.failureOf("init");
    expect(failure).toMatchObject({ kind: "HostError", detail: "Panic" });
    expect(failure.message).toContain("init runs once");
  });

  test("stores, finds, lists and removes", async () => {
    for (const key of ["b", "a", "c"]) await alice.call("set", { key, value: key.toUpperCase() });
    expect(await alice.value("get", { key: "b" })).toBe("B");
    expect(await alice.value("get", { key: "none" })).toBeNull();
    expect(await alice.value("list", { limit: 2 })).toEqual([
      { key: "a", value: "A" },
      { key: "b", value: "B" },
    ]);
    expect(await alice.value("list", { after: "b" })).toEqual([
      { key: "c", value: "C" },
      { key: "colour", value: "red" },
    ]);
    expect(await alice.value("list", { prefix: "co" })).toEqual([{ key: "colour", value: "red" }]);
    expect(await alice.value("len")).toBe(4);
    expect(await alice.value("remove", { key: "c" })).toBe(true);
    expect(await alice.value("remove", { key: "c" })).toBe(false);
    expect(await alice.value("len")).toBe(3);
  });

  test("tells what it did, and nothing when it did nothing", async () => {
    const { events } = await alice.call("set", { key: "x", value: "1" });
    expect(events).toEqual([{ kind: "Stored", data: { key: "x", value: "1" } }]);
    const removed = await alice.call("remove", { key: "x" });
    expect(removed.events).toEqual([{ kind: "Removed", data: { key: "x" } }]);
    const again = await alice.call("remove", { key: "x" });
    expect([again.events, again.artifact.length]).toEqual([[], 0]);
  });

  test("names the argument that is wrong, and does nothing then", async () => {
    const root = alice.root;
    expect(await alice.errorOf("set", { key: "x" })).toEqual({
      code: "invalid_argument",
      message: "value: missing",
      field: "value",
    });
    expect(await alice.errorOf("set", { key: "", value: "x" })).toMatchObject({ code: "invalid_argument" });
    expect(await alice.value("get", { key: "" })).toBeNull();
    expect(alice.root).toBe(root);
  });

  test("keeps notes on the node that they were written on", async () => {
    const { artifact } = await alice.call("setNote", { key: "a", note: "mine" });
    await bob.receive(artifact);
    expect(await alice.value("note", { key: "a" })).toBe("mine");
    expect(await bob.value("note", { key: "a" })).toBeNull();
  });
});

test("two replicas that write at once end with one root", async () => {
  const fromAlice = [
    await alice.call("set", { key: "shared", value: "alice" }),
    await alice.call("set", { key: "only-alice", value: "1" }),
  ];
  const fromBob = [
    await bob.call("set", { key: "shared", value: "bob" }),
    await bob.call("set", { key: "only-bob", value: "2" }),
  ];
  expect(alice.root).not.toBe(bob.root);
  for (const { artifact } of fromBob) await alice.receive(artifact);
  for (const { artifact } of fromAlice.toReversed()) await bob.receive(artifact);

  expect(alice.root).toBe(bob.root);
  for (const replica of [alice, bob]) {
    // The later write stays.
    expect(await replica.value("get", { key: "shared" })).toBe("bob");
    expect(await replica.value("len")).toBe(4);
    expect(await replica.value("written")).toBe(4);
  }
});
