/** Replicas that are levelled by their trees alone, for every type of collection, and what a comparison costs. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deliver, id, KINDS, play, REPLICAS, seen, steps } from "../crdt/histories.ts";
import { memoryRows } from "../crdt/memory-rows.ts";
import { Replica, utf8 } from "../crdt/replica.ts";
import { contextId, differences, level, peerOf, stateOf } from "./tree-rig.ts";

const copyOf = (replica: Replica, seed: number): Replica => {
  const copy = new Replica(seed, replica.rows.copy());
  copy.clock = replica.clock;
  copy.root = replica.root;
  return copy;
};

describe.each(Object.entries(KINDS))("%s", (name, kind) => {
  test("two replicas with some deltas each are level after one comparison, with nothing lost and nothing back", async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom("hashes" as const, "levels" as const), async (history, strategy) => {
        const { replicas, sent, has } = play(kind, history);
        const both = new Set([...has[0]!, ...has[1]!]);
        const [a, b] = [replicas[0]!, replicas[1]!];
        const { unsaid } = await level(a, b, { strategy });
        for (const each of [a, b]) expect(each.recomputed()).toBe(each.root);
        // Who wrote an authored entry first is not theirs to say who hold it.
        if (name === "authoredMap" && unsaid.length > 0) return;
        expect(unsaid).toEqual([]);
        expect(b.root).toBe(a.root);
        expect(seen(kind, b)).toEqual(seen(kind, a));
        // What both deltas' sets give is what the third has, once it has the same.
        const third = new Replica(9);
        for (const delta of both) third.apply(sent[delta]!.artifact);
        expect(third.root).toBe(a.root);
        expect(seen(kind, third)).toEqual(seen(kind, a));
        // And the deltas that were not needed do no harm when they come after all.
        for (let at = 0; at < REPLICAS; at++) deliver(replicas, sent, has, at, sent.keys());
        expect(new Set(replicas.map(({ root }) => root)).size).toBe(1);
      }),
      { numRuns: 15 },
    );
  });
});

test("an authored entry whose first write the peer has not seen is named, and levelled by its delta", async () => {
  const owner = new Replica(1);
  const made = owner.run((c) => void c.authoredMap.createWithId(id));
  const first = owner.run((c) => void c.authoredMap.insert(id, utf8("key"), utf8("1")));
  owner.run((c) => void c.authoredMap.update(id, utf8("key"), utf8("2")));
  const other = new Replica(2);
  other.apply(made);
  const { unsaid } = await level(other, owner);
  expect(unsaid).toMatchObject([{ because: expect.stringContaining("first delta") }]);
  expect(other.root).not.toBe(owner.root);
  other.apply(first);
  expect(other.root).toBe(owner.root);
});

test("a deleted collection takes what is in it along on the other side, and comes back with all of it", async () => {
  const a = new Replica(1);
  a.run((c) => {
    c.map.createWithId(id);
    for (let n = 0; n < 50; n++) c.map.insert(id, utf8(`key${n}`), utf8("value"));
  });
  const b = copyOf(a, 2);
  b.clock += 1_000n;
  b.run((c) => void c.map.insert(id, utf8("more"), utf8("value")));
  a.clock += 5_000n;
  a.run((c) => void c.deleteCollection(id));
  await level(a, b);
  expect(b.root).toBe(a.root);
  expect(b.root).toBe("00".repeat(32));
  const remade = a.run((c) => void c.map.createWithId(id));
  b.apply(remade);
  expect(b.root).toBe(a.root);
});

describe("with 6,000 entries", () => {
  const big = new Replica(1);
  big.run((c) => {
    c.map.createWithId(id);
    for (let n = 0; n < 6_000; n++) c.map.insert(id, utf8(`key${n}`), utf8(`value ${n}`));
    c.counter.increment(c.counter.create());
  });

  test("a single difference costs a few requests and a few kilobytes", async () => {
    const other = copyOf(big, 2);
    other.run((c) => void c.map.insert(id, utf8("key77"), utf8("changed")));
    const mine = copyOf(big, 3);
    const { difference } = await level(mine, other);
    expect(mine.root).toBe(other.root);
    expect(difference).toMatchObject({ entities: 1 });
    expect(difference.requests).toBeLessThanOrEqual(9);
    expect(difference.bytes).toBeLessThan(16_000);
  });

  test("an empty replica gets all of it, and one that has it gives all of it, in bounded batches", async () => {
    for (const isAsking of [true, false]) {
      const empty = new Replica(3);
      const full = copyOf(big, 2);
      const [mine, theirs] = isAsking ? [empty, full] : [full, empty];
      const { difference, batches } = await level(mine, theirs);
      expect(empty.root).toBe(big.root);
      expect(empty.recomputed()).toBe(big.root);
      expect(difference.entities).toBe(6_000 + 1 + 2);
      expect(batches).toBeGreaterThan(1);
    }
  });

  test("lists take fewer requests than nodes where much differs", async () => {
    const other = copyOf(big, 2);
    other.run((c) => {
      for (let n = 0; n < 6_000; n += 20) c.map.insert(id, utf8(`key${n}`), utf8("changed"));
      for (let n = 1; n < 6_000; n += 20) c.map.remove(id, utf8(`key${n}`));
    });
    const requests: number[] = [];
    for (const strategy of ["hashes", "levels"] as const) {
      const { need, have, difference } = await differences(stateOf(big.rows), peerOf(other.rows), { strategy });
      expect([need.length, have.length]).toEqual([600, 0]);
      requests.push(difference.requests);
    }
    expect(requests[1]).toBeLessThan(requests[0]!);
  });

  test("goes on where it was cut off, and tells nothing twice", async () => {
    const other = copyOf(big, 2);
    other.run((c) => {
      for (let n = 0; n < 6_000; n += 10) c.map.insert(id, utf8(`key${n}`), utf8("changed"));
    });
    const told: string[] = [];
    let from: readonly string[] | undefined;
    let cuts = 0;
    for (let isDone = false; !isDone;) {
      const cut = new AbortController();
      const compared = differences(stateOf(big.rows), peerOf(other.rows), {
        bounds: { batchEntities: 100 },
        signal: cut.signal,
        ...(from === undefined ? {} : { from }),
        async onBatch({ need, cursor }) {
          told.push(...need.map(({ entity }) => Buffer.from(entity.id).toString("hex")));
          from = cursor;
          if (told.length % 2 === 0) cut.abort(new Error("cut off"));
        },
      });
      isDone = await compared.then(
        () => true,
        (thrown: unknown) => {
          expect(String(thrown)).toContain("cut off");
          cuts += 1;
          return false;
        },
      );
    }
    expect(cuts).toBeGreaterThan(0);
    expect(told).toHaveLength(600);
    expect(new Set(told).size).toBe(600);
  });

  test("goes on although the peer is written to all the while", async () => {
    const other = copyOf(big, 2);
    other.run((c) => {
      for (let n = 0; n < 6_000; n += 10) c.map.remove(id, utf8(`key${n}`));
    });
    const mine = copyOf(big, 3);
    let requests = 0;
    const ask = peerOf(other.rows);
    await level(mine, other, {
      bounds: { batchEntities: 64 },
      ask(request) {
        requests += 1;
        if (requests % 7 === 0 && requests < 100)
          other.run((c) => void c.map.insert(id, utf8(`new${requests}`), utf8("v")));
        return ask(request);
      },
    });
    await level(mine, other);
    expect(mine.root).toBe(other.root);
    expect(mine.recomputed()).toBe(other.root);
  });
});

test("states of two layouts are not compared", async () => {
  const rows = memoryRows();
  const mine = { layout: "guest", contextId, get: () => undefined } as const;
  await expect(differences(mine, peerOf(rows))).rejects.toMatchObject({ code: "conflict" });
  await expect(differences({ ...mine, layout: "empty" }, peerOf(rows, "empty"))).resolves.toMatchObject({
    difference: { entities: 0 },
  });
});
