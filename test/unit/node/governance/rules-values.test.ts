/** What the rules are made of: maps that are values, takes that take once, and logs longer than a stack is deep. */
import { governanceCrypto } from "@shoal/node/governance/crypto.ts";
import { openHistory } from "@shoal/node/governance/rules/history.ts";
import type { Action, LoggedOp } from "@shoal/node/governance/rules/op.ts";
import { put } from "@shoal/node/governance/rules/state.ts";
import { sourceCircles } from "@shoal/node/governance/rules/circles.ts";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { genesis, made, textOf } from "./branches.ts";
import { alice, bob, person } from "./people.ts";

test("a map is a value: it says what a plain one says, and the ones before it stay as they were", () => {
  const change = fc.tuple(fc.nat(400).map(String), fc.option(fc.nat(), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 600 }), (changes) => {
      const plain = new Map<string, number>();
      let map: ReadonlyMap<string, number> = new Map();
      const versions: (readonly [ReadonlyMap<string, number>, readonly (readonly [string, number])[]])[] = [];
      for (const [at, [key, value]] of changes.entries()) {
        if (value === undefined) plain.delete(key);
        else plain.set(key, value);
        map = put(map, key, value);
        if (at % 50 === 0) versions.push([map, [...map]]);
      }
      const sorted = [...plain].sort(([a], [b]) => (a < b ? -1 : 1));
      expect([...map]).toEqual(sorted);
      expect([...map.keys()]).toEqual(sorted.map(([key]) => key));
      expect([...map.values()]).toEqual(sorted.map(([, value]) => value));
      expect(map.size).toBe(plain.size);
      for (const [key] of changes) expect([map.get(key), map.has(key)]).toEqual([plain.get(key), plain.has(key)]);
      for (const [version, entries] of versions) expect([...version]).toEqual(entries);
    }),
    { numRuns: 100 },
  );
});

test("source circles are those that nothing outside of them leads to", () => {
  const edge = fc.tuple(fc.nat(7), fc.nat(7));
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 20 }), (edges) => {
      const nodes = Array.from({ length: 8 }, (_, at) => at);
      const next = (node: number) => edges.filter(([from]) => from === node).map(([, to]) => to);
      const reach = nodes.map((node) => {
        const found = new Set([node]);
        for (const at of found) for (const to of next(at)) found.add(to);
        return found;
      });
      const expected = nodes.filter((node) =>
        nodes.every((other) => !reach[other]!.has(node) || reach[node]!.has(other)),
      );
      const circles = sourceCircles(nodes, next);
      expect(circles.flatMap((circle) => [...circle]).sort((a, b) => a - b)).toEqual(expected);
      for (const circle of circles) for (const a of circle) for (const b of circle) expect(reach[a]!.has(b)).toBe(true);
    }),
  );
});

const noop: Action = { type: "Noop" };

test("a log of ten thousand ops, in a line and in diamonds, answers for its oldest and its newest", () => {
  const line: LoggedOp[] = [genesis];
  for (let n = 2; n <= 10_000; n++) line.push(made({ who: alice, action: noop, parents: [line.at(-1)!], nonce: n }));
  const diamonds: LoggedOp[] = [genesis];
  for (let n = 2; n <= 9999; n += 3) {
    const from = diamonds.at(-1)!;
    const [left, right] = [n, n + 1].map((nonce) => made({ who: alice, action: noop, parents: [from], nonce }));
    diamonds.push(left!, right!, made({ who: alice, action: noop, parents: [left!, right!], nonce: n + 2 }));
  }
  for (const ops of [line, diamonds]) {
    const history = openHistory(governanceCrypto);
    for (const each of ops) history.add(each);
    expect(history.size).toBe(10_000);
    expect(history.ops()).toHaveLength(10_000);
    expect(history.heads).toEqual([ops.at(-1)?.hash]);
    for (const at of [0, 100, 5001, 9999]) {
      expect(history.stateAt([ops[at]!.hash])).toMatchObject({ groups: { size: 1 } });
      expect(history.verdict(ops[at]!.hash)).toEqual({ effective: true });
    }
    // One that is laid at the very beginning is placed there, and the log goes on from both.
    const late = made({ who: alice, action: { type: "GroupAliasSet", alias: "x" }, parents: [genesis], nonce: 20_000 });
    expect(history.add(late)).toEqual({ kind: "added" });
    expect(history.heads).toHaveLength(2);
    expect(history.state?.groups.values().next().value?.metadata?.name).toBe("x");
  }
});

test("what is judged is what comes of it, and nothing is added by it", () => {
  const history = openHistory(governanceCrypto);
  const member = { type: "MemberAdded", member: bob.publicKey, role: "Admin" } as const;
  const added = made({ who: alice, action: member, parents: [genesis], nonce: 2 });
  const wrong = made({ who: person(9), action: member, parents: [added] });
  const again = made({ who: bob, action: { type: "GroupAliasSet", alias: "x" }, parents: [wrong] });
  expect(history.judge([genesis]).verdicts).toEqual([{ effective: true }]);
  history.add(genesis);
  const { verdicts, state } = history.judge([added, wrong, again]);
  expect(verdicts).toMatchObject([{ effective: true }, { refused: "not_permitted", at: "cut" }, { effective: true }]);
  expect(history.size).toBe(1);
  for (const each of [added, wrong, again]) history.add(each);
  expect(textOf(history.state)).toBe(textOf(state));
  const stale = made({ who: bob, action: noop, parents: [again], nonce: 1 });
  expect(history.judge([stale]).verdicts).toMatchObject([{ refused: "stale_nonce", at: "cut" }]);
  expect(history.stateAt([stale.hash])).toBe("unknown");
});
