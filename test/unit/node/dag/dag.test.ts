import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openDag, type Dag, type DagDelta, type DagInit } from "@shoal/node/dag/dag.ts";
import type { PendingSpill } from "@shoal/node/dag/spill.ts";

interface Spill extends PendingSpill<DagDelta> {
  readonly held: Map<string, { readonly delta: DagDelta; readonly parent: string }>;
  most: number;
}

function memorySpill(): Spill {
  const held: Spill["held"] = new Map();
  return {
    held,
    most: 0,
    put(delta, parent) {
      held.set(delta.id, { delta, parent });
      this.most = Math.max(this.most, held.size);
    },
    take(parent, limit) {
      const taken = [...held.values()].filter((each) => each.parent === parent).slice(0, limit);
      for (const { delta } of taken) held.delete(delta.id);
      return taken.map(({ delta }) => delta);
    },
    has: (id) => held.has(id),
    get size() {
      return held.size;
    },
  };
}

const open = (init: Partial<DagInit<DagDelta>> = {}): Dag<DagDelta> =>
  openDag({ heads: [], isApplied: () => false, waiting: [], spill: memorySpill(), ...init });

function drain(dag: Dag<DagDelta>, onApply: (delta: DagDelta) => void = () => {}): void {
  for (let delta = dag.next(); delta !== undefined; delta = dag.next()) {
    onApply(delta);
    dag.applied(delta.id);
  }
}

/** Deltas each with up to three parents among those before it. */
const histories = fc.array(fc.array(fc.nat(1000), { maxLength: 3 }), { minLength: 1, maxLength: 60 }).map((picks) =>
  picks.map((parents, at): DagDelta => ({
    id: `d${at}`,
    parents: at === 0 ? [] : [...new Set(parents.map((pick) => `d${pick % at}`))],
  })),
);

test("hands out each delta once, after its parents, in any order of arrival, with any repeated, whatever memory holds", () => {
  fc.assert(
    fc.property(histories, fc.infiniteStream(fc.nat(10_000)), fc.nat(6), (history, chance, maxWaiting) => {
      const spill = memorySpill();
      const dag = open({ maxWaiting, spill });
      const pick = (below: number): number => chance.next().value! % below;
      const arrivals = [...history, ...history.filter(() => pick(3) === 0)];
      for (let at = arrivals.length - 1; at > 0; at--) {
        const other = pick(at + 1);
        [arrivals[at], arrivals[other]] = [arrivals[other]!, arrivals[at]!];
      }
      const applied: string[] = [];
      for (const delta of arrivals) {
        dag.add(delta);
        if (pick(2) === 0) continue;
        drain(dag, ({ id, parents }) => {
          for (const parent of parents) expect(applied).toContain(parent);
          applied.push(id);
        });
      }
      drain(dag, ({ id }) => void applied.push(id));
      expect(applied.toSorted()).toEqual(history.map(({ id }) => id).toSorted());
      const named = new Set(history.flatMap(({ parents }) => parents));
      expect(dag.heads).toEqual(
        history
          .map(({ id }) => id)
          .filter((id) => !named.has(id))
          .toSorted(),
      );
      expect(dag.pending).toBe(0);
      expect(spill.held.size).toBe(0);
      expect(dag.missing(10)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test("touches each delta as often in whatever order they come", () => {
  const chain = Array.from({ length: 20_000 }, (_, at): DagDelta => ({
    id: `d${at}`,
    parents: at === 0 ? [] : [`d${at - 1}`],
  }));
  const asked = (arrivals: readonly DagDelta[]): number => {
    let questions = 0;
    const dag = open({
      maxWaiting: 100_000,
      isApplied: () => {
        questions += 1;
        return false;
      },
    });
    let applied = 0;
    for (const delta of arrivals) {
      dag.add(delta);
      drain(dag, () => void (applied += 1));
    }
    expect(applied).toBe(chain.length);
    return questions;
  };
  expect(asked(chain.toReversed())).toBeLessThanOrEqual(2 * asked(chain));
});

test("says what is missing until somebody delivers it", () => {
  const dag = open();
  expect(dag.add({ id: "c", parents: ["b", "a"] })).toEqual({ kind: "waiting", missing: ["b", "a"], spilled: false });
  expect(dag.add({ id: "b", parents: ["a"] })).toEqual({ kind: "waiting", missing: ["a"], spilled: false });
  expect(dag.missing(10)).toEqual(["a"]);
  expect(dag.add({ id: "a", parents: [] })).toEqual({ kind: "ready" });
  expect(dag.missing(10)).toEqual([]);
  const order: string[] = [];
  drain(dag, ({ id }) => void order.push(id));
  expect(order).toEqual(["a", "b", "c"]);
  expect(dag.heads).toEqual(["c"]);
});

test("a repeated delta changes nothing, wherever the first one is", () => {
  const dag = open({ maxWaiting: 1, isApplied: (id) => id === "old" });
  const known = { kind: "known" };
  expect(dag.add({ id: "old", parents: [] })).toEqual(known);
  const waits = { id: "waits", parents: ["x"] };
  const spills = { id: "spills", parents: ["x"] };
  const ready = { id: "ready", parents: ["old"] };
  for (const delta of [waits, spills, ready]) dag.add(delta);
  for (const delta of [waits, spills, ready]) expect(dag.add(delta)).toEqual(known);
  expect(dag.next()).toBe(ready);
  expect(dag.add(ready)).toEqual(known);
  dag.applied("ready");
  expect(dag.add(ready)).toEqual(known);
  expect(dag.next()).toBeUndefined();
});

test("spills what memory has no room for, and takes it back when its parent is applied", () => {
  const spill = memorySpill();
  const dag = open({ maxWaiting: 10, spill });
  const chain = Array.from({ length: 3000 }, (_, at): DagDelta => ({
    id: `d${at}`,
    parents: at === 0 ? [] : [`d${at - 1}`],
  }));
  for (const delta of chain.toReversed()) dag.add(delta);
  expect(dag.pending).toBeLessThanOrEqual(11);
  expect(spill.most).toBe(2989);
  let applied = 0;
  drain(dag, ({ id }) => expect(id).toBe(`d${applied++}`));
  expect(applied).toBe(3000);
});

test("more children of one parent than are taken back at once all come", () => {
  const dag = open({ maxWaiting: 0 });
  for (let at = 0; at < 2500; at++) dag.add({ id: `c${at}`, parents: ["p"] });
  dag.add({ id: "p", parents: [] });
  let applied = 0;
  drain(dag, () => void (applied += 1));
  expect(applied).toBe(2501);
});

test("a spill that cannot take a delta says so, and the delta is not added", () => {
  const dag = open({
    maxWaiting: 0,
    spill: {
      take: () => [],
      has: () => false,
      size: 0,
      put() {
        throw new Error("disk full");
      },
    },
  });
  expect(() => dag.add({ id: "b", parents: ["a"] })).toThrow("disk full");
  expect(dag.pending).toBe(0);
});

test("what is refused is refused for good, with all that builds upon it", () => {
  const dag = open({ maxWaiting: 2 });
  for (const delta of [
    { id: "a", parents: [] },
    { id: "b", parents: ["a"] },
    { id: "c", parents: ["b"] },
    { id: "d", parents: ["c"] },
    { id: "other", parents: [] },
  ]) {
    dag.add(delta);
  }
  expect(dag.next()?.id).toBe("a");
  dag.refuse("a");
  expect(dag.takeRefused().toSorted()).toEqual(["a", "b", "c", "d"]);
  expect(dag.add({ id: "e", parents: ["d"] })).toEqual({ kind: "refused" });
  expect(dag.takeRefused()).toEqual(["e"]);
  expect(dag.add({ id: "a", parents: [] })).toEqual({ kind: "known" });
  drain(dag);
  expect(dag.heads).toEqual(["other"]);
  expect(dag.pending).toBe(0);
});

test("a cycle of forged ids waits, and a delta that names itself is refused", () => {
  const dag = open();
  expect(() => dag.add({ id: "a", parents: ["a"] })).toThrow(/its own parent/);
  dag.add({ id: "a", parents: ["b"] });
  dag.add({ id: "b", parents: ["a"] });
  expect(dag.next()).toBeUndefined();
  expect(dag.pending).toBe(2);
  expect(dag.missing(10)).toEqual([]);
});

test("opens with what the rows say after a restart", () => {
  const rows = new Set(["a", "b"]);
  const dag = open({ heads: ["b"], isApplied: (id) => rows.has(id), waiting: [{ id: "d", parents: ["c"] }] });
  expect(dag.heads).toEqual(["b"]);
  expect(dag.missing(10)).toEqual(["c"]);
  dag.add({ id: "c", parents: ["a"] });
  drain(dag);
  expect(dag.heads).toEqual(["b", "d"]);
});

test("takes the parent of all zeros for applied, and throws for what it did not hand out", () => {
  const dag = open();
  expect(dag.add({ id: "a", parents: ["1".repeat(32)] })).toEqual({ kind: "ready" });
  dag.applied("a");
  expect(dag.next()).toBeUndefined();
  expect(() => dag.applied("a")).toThrow(/neither ready nor handed out/);
  expect(() => dag.pass("b")).toThrow(/not handed out/);
});

/** The chain a <- b <- c, all handed out in one batch. */
function handedOutChain(): Dag<DagDelta> {
  const dag = open();
  dag.add({ id: "c", parents: ["b"] });
  dag.add({ id: "b", parents: ["a"] });
  dag.add({ id: "a", parents: [] });
  for (const id of ["a", "b", "c"]) {
    expect(dag.next()?.id).toBe(id);
    dag.pass(id);
  }
  expect(dag.next()).toBeUndefined();
  return dag;
}

test("what was let follow is applied after what it follows, and what comes meanwhile waits for the word on its parent", () => {
  const dag = handedOutChain();
  dag.add({ id: "d", parents: ["c"] });
  expect(dag.next()).toBeUndefined();
  for (const id of ["a", "b", "c"]) dag.applied(id);
  expect(dag.heads).toEqual(["c"]);
  expect(dag.next()?.id).toBe("d");
  dag.applied("d");
  expect([dag.heads, dag.pending]).toEqual([["d"], 0]);
});

test("where a delta of a batch is refused, those that were let follow it are given up, and it is no error to refuse them too", () => {
  const dag = handedOutChain();
  dag.add({ id: "d", parents: ["c"] });
  dag.applied("a");
  dag.refuse("b");
  dag.refuse("c");
  expect(dag.takeRefused().toSorted()).toEqual(["b", "c", "d"]);
  expect([dag.heads, dag.pending]).toEqual([["a"], 0]);
});

test("what is let go of may come again, and is wanted by what waits for it", () => {
  const dag = open();
  dag.add({ id: "c", parents: ["b"] });
  dag.add({ id: "b", parents: ["a"] });
  expect(dag.forget("b")).toBe(true);
  expect(dag.forget("b")).toBe(false);
  expect(dag.missing(10).toSorted()).toEqual(["a", "b"]);
  dag.add({ id: "a", parents: [] });
  drain(dag);
  expect(dag.heads).toEqual(["a"]);
  dag.add({ id: "b", parents: ["a"] });
  drain(dag);
  expect([dag.heads, dag.pending]).toEqual([["c"], 0]);
});

test("what waits in the spill for another parent is given up too, with what waits for it in memory", () => {
  const dag = open({ maxWaiting: 1 });
  dag.add({ id: "above", parents: ["spilled"] });
  expect(dag.add({ id: "spilled", parents: ["later", "bad"] })).toMatchObject({ spilled: true });
  dag.add({ id: "bad", parents: [] });
  dag.next();
  dag.refuse("bad");
  dag.add({ id: "later", parents: [] });
  drain(dag);
  expect(dag.takeRefused().toSorted()).toEqual(["above", "bad", "spilled"]);
  expect(dag.pending).toBe(0);
});
