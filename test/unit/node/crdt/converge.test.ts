/**
 * I14 and I16 for every type: replicas that have the same deltas, in whatever causal order, with whatever repeated, have the
 * same root and read the same; and the root is the one recomputed from the rows.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { causal, deliver, id, keys, KINDS, play, REPLICAS, seen, steps } from "./histories.ts";
import { Replica, textOf, utf8 } from "./replica.ts";

describe.each(Object.entries(KINDS))("%s", (_name, kind) => {
  test("the same deltas give the same root and the same answers, in any causal order and with any repeated", () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(50), { minLength: 5, maxLength: 12 }), (history, order) => {
        const { replicas, sent, has } = play(kind, history);
        for (let at = 0; at < REPLICAS; at++) deliver(replicas, sent, has, at, sent.keys());
        const fresh = new Replica(7);
        const shuffled = causal(sent, order);
        for (const delta of shuffled) fresh.apply(sent[delta]!.artifact);
        for (const delta of shuffled.toReversed()) fresh.apply(sent[delta]!.artifact);
        // Merging is by entity, so even an order that no DAG would give ends in the same state.
        const reversed = new Replica(8);
        for (const delta of sent.toReversed()) reversed.apply(delta.artifact);
        const all = [...replicas, fresh, reversed];
        expect(new Set(all.map(({ root }) => root)).size).toBe(1);
        const [first, ...others] = all.map((replica) => seen(kind, replica));
        for (const other of others) expect(other).toEqual(first);
        for (const replica of all) expect(replica.recomputed()).toBe(replica.root);
      }),
      { numRuns: 40 },
    );
  });
});

test("a delta grouped with others merges as they do one by one", () => {
  fc.assert(
    fc.property(steps, (history) => {
      const { sent } = play(KINDS["map"]!, history);
      const [one, many] = [new Replica(5), new Replica(6)];
      for (const { artifact } of sent) one.apply(artifact);
      const collections = many.open();
      for (const { artifact } of sent) collections.applyDelta(artifact);
      const flushed = collections.flush()!;
      expect(Buffer.from(flushed.rootHash).toString("hex")).toBe(one.root);
      expect(flushed.artifact).toHaveLength(0);
      expect([...many.rows.entries()]).toEqual([...one.rows.entries()]);
    }),
    { numRuns: 40 },
  );
});

test("a frozen value keeps the first of its writes", () => {
  const made = new Replica(1).run((c) => void c.frozenStorage.createWithId(id));
  const [first, second] = [new Replica(2), new Replica(3)];
  for (const each of [first, second]) each.apply(made);
  const early = first.run((c) => void c.frozenStorage.add(id, keys[0]!));
  const { root } = first;
  second.clock += 1_000n;
  first.apply(second.run((c) => void c.frozenStorage.add(id, keys[0]!)));
  second.apply(early);
  expect([first.root, second.root]).toEqual([root, root]);
});

describe("of writes at one time", () => {
  const at = (seed: number, made: Uint8Array): Replica => {
    const replica = new Replica(seed);
    replica.apply(made);
    replica.clock = 10_000n;
    return replica;
  };
  const made = new Replica(1).run((c) => {
    c.map.createWithId(id);
    c.map.insert(id, keys[0]!, utf8("old"));
  });

  test("the deletion wins", () => {
    const [a, b] = [at(2, made), at(3, made)];
    const written = a.run((c) => void c.map.insert(id, keys[0]!, utf8("new")));
    const removed = b.run((c) => void c.map.remove(id, keys[0]!));
    a.apply(removed);
    b.apply(written);
    for (const each of [a, b]) expect(each.read((c) => c.map.get(id, keys[0]!))).toBeUndefined();
    expect(a.root).toBe(b.root);
  });

  test("a strictly newer one lifts a tombstone, wherever it is seen first", () => {
    const [a, b] = [at(2, made), at(3, made)];
    const removed = b.run((c) => void c.map.remove(id, keys[0]!));
    a.clock = 10_001n;
    const written = a.run((c) => void c.map.insert(id, keys[0]!, utf8("new")));
    a.apply(removed);
    b.apply(written);
    for (const each of [a, b]) expect(textOf(each.read((c) => c.map.get(id, keys[0]!)))).toBe("new");
    expect(a.root).toBe(b.root);
  });

  test("a clock that is set back still writes later than what it has seen", () => {
    const a = at(2, made);
    a.run((c) => void c.map.insert(id, keys[0]!, utf8("new")));
    a.clock = 0n;
    a.run((c) => void c.map.insert(id, keys[0]!, utf8("newest")));
    expect(textOf(a.read((c) => c.map.get(id, keys[0]!)))).toBe("newest");
  });
});
