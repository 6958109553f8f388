/**
 * The rule for concurrent ops, model-checked: every small history exhaustively and larger ones at random, in many orders of
 * arrival, held against what the rule promises and against oracles that know nothing of how it is computed.
 */
import { governanceCrypto } from "@shoal/node/governance/crypto.ts";
import { applyAt, takeOf } from "@shoal/node/governance/rules/apply.ts";
import { CAPABILITY } from "@shoal/node/governance/rules/capabilities.ts";
import { openHistory, type History } from "@shoal/node/governance/rules/history.ts";
import type { Action, LoggedOp } from "@shoal/node/governance/rules/op.ts";
import { groupWithoutAdmin, standingOf } from "@shoal/node/governance/rules/standing.ts";
import type { Namespace } from "@shoal/node/governance/rules/state.ts";
import type { GroupId, Hash } from "@shoal/node/model/ids.ts";
import type { KeyPair } from "@shoal/node/model/keys.ts";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { arranged, Branches, filled, genesis, made, tellingOf, textOf } from "./branches.ts";
import {
  add,
  alice,
  bob,
  carol,
  CHILD,
  child,
  contextId,
  dave,
  eve,
  give,
  GRANDCHILD,
  remove,
  ROOT,
} from "./people.ts";

const setRole = (who: KeyPair, role: "Admin" | "Member" | "ReadOnly"): Action => ({
  type: "MemberRoleSet",
  member: who.publicKey,
  role,
});

/** Ancestors of each op, itself included. */
function pastsOf(ops: readonly LoggedOp[]): ReadonlyMap<Hash, ReadonlySet<Hash>> {
  const pasts = new Map<Hash, ReadonlySet<Hash>>();
  for (const { hash, op } of ops) {
    pasts.set(hash, new Set([hash, ...op.parents.flatMap((parent) => [...(pasts.get(parent) ?? [])])]));
  }
  return pasts;
}

const isEffective = (history: History, { hash }: LoggedOp): boolean => {
  const verdict = history.verdict(hash);
  return verdict !== undefined && "effective" in verdict;
};

/** What has to hold of every history, whatever is in it. `ops`: parents first. */
function check(history: History, ops: readonly LoggedOp[]): void {
  const { state } = history;
  if (state === undefined) throw new Error("a founded namespace has a state");
  expect(groupWithoutAdmin(state)).toBeUndefined();
  const root = state.groups.get(ROOT);
  if (root !== undefined) expect(root.members.get(root.owner)?.role).toBe("Admin");
  const pasts = pastsOf(ops);
  const beside = (a: LoggedOp, b: LoggedOp): boolean =>
    pasts.get(a.hash)?.has(b.hash) !== true && pasts.get(b.hash)?.has(a.hash) !== true;
  const effective = ops.filter((each) => isEffective(history, each));
  replays(history, state);
  for (const one of effective) {
    const { action, groupId } = one.op;
    if (groupId !== ROOT || (action.type !== "MemberRemoved" && action.type !== "MemberLeft")) continue;
    const gone = action.type === "MemberLeft" ? one.op.signer : action.member;
    for (const other of effective) {
      if (!beside(one, other)) continue;
      // Nobody acts beside their removal, and nobody brings them back or lifts them up beside it.
      expect(other.op.signer).not.toBe(gone);
      const gives = other.op.action.type === "MemberAdded" || other.op.action.type === "MemberRoleSet";
      if (gives && other.op.groupId === ROOT)
        expect("member" in other.op.action && other.op.action.member).not.toBe(gone);
    }
  }
}

/** The state is what the effective ops give, one after another, and nothing else gave anything. */
function replays(history: History, state: Namespace): void {
  let replayed: Namespace | undefined;
  const depths = new Map<Hash, number>();
  for (const { hash, op } of history.ops()) {
    const depth = 1 + Math.max(0, ...op.parents.map((parent) => depths.get(parent)!));
    depths.set(hash, depth);
    const verdict = history.verdict(hash);
    if (verdict === undefined || !("effective" in verdict)) continue;
    const next = applyAt(replayed, { hash, op, depth }, governanceCrypto);
    if ("refused" in next) throw new Error(`an effective op is refused: ${next.refused.because}`);
    replayed = next.state;
  }
  expect(textOf({ ...replayed, nonces: 0, depth: 0 })).toBe(textOf({ ...state, nonces: 0, depth: 0 }));
}

/** Cut verdicts are those of a log that holds the op's ancestors and nothing else. */
function checkCuts(history: History, ops: readonly LoggedOp[]): void {
  const pasts = pastsOf(ops);
  for (const { hash } of ops) {
    const alone = openHistory(governanceCrypto);
    for (const each of ops) if (pasts.get(hash)?.has(each.hash)) alone.add(each);
    const verdict = history.verdict(hash);
    const there = alone.verdict(hash);
    if (verdict !== undefined && "at" in verdict && verdict.at === "cut") expect(there).toEqual(verdict);
    else expect(there).toEqual({ effective: true });
    expect(textOf(history.stateAt([hash]))).toBe(textOf(alone.state));
  }
}

const common = (() => {
  const log = new Branches();
  log.op(alice, add(bob, "Admin"));
  log.op(alice, add(carol, "Admin"));
  log.op(alice, add(dave));
  return log.ops;
})();

const MENU: readonly (readonly [KeyPair, Action])[] = [
  [alice, remove(carol)],
  [bob, remove(carol)],
  [carol, remove(bob)],
  [carol, setRole(dave, "Admin")],
  [dave, remove(bob)],
  [dave, add(eve)],
  [bob, setRole(carol, "Member")],
  [bob, { type: "MemberLeft" }],
  [alice, { type: "TransferOwnership", newOwner: carol.publicKey }],
  [carol, remove(alice)],
  [carol, add(carol)],
  [alice, remove(dave)],
];

/** Which of the last ops each new one has seen: every way to lay `count` ops upon the common log. */
function shapes(count: number): readonly (readonly (readonly number[])[])[] {
  if (count === 0) return [[]];
  return shapes(count - 1).flatMap((shape) => {
    const pasts = shape.reduce<ReadonlySet<number>[]>(
      (all, parents, at) => [...all, new Set([at, ...parents.flatMap((each) => [...all[each]!])])],
      [],
    );
    const choices = Array.from({ length: 2 ** shape.length }, (_, bits) =>
      shape.map((_, at) => at).filter((at) => (bits >> at) & 1),
    );
    const antichains = choices.filter((chosen) =>
      chosen.every((a) => chosen.every((b) => a === b || !pasts[a]!.has(b))),
    );
    return antichains.map((chosen) => [...shape, chosen]);
  });
}

function laid(shape: readonly (readonly number[])[], picks: readonly number[], grind = 0): readonly LoggedOp[] {
  const upon = common.at(-1)!;
  const ops: LoggedOp[] = [];
  for (const [at, parents] of shape.entries()) {
    const [who, action] = MENU[picks[at]!]!;
    ops.push(
      made({
        who,
        action,
        parents: parents.length > 0 ? parents.map((each) => ops[each]!) : [upon],
        nonce: 10 + grind * 10 + at,
      }),
    );
  }
  return [...common, ...ops];
}

/** Every order of arrival of ops after the common ones. */
function orders(ops: readonly LoggedOp[]): readonly (readonly LoggedOp[])[] {
  const here = new Set<Hash>();
  const lay = (left: readonly LoggedOp[]): (readonly LoggedOp[])[] => {
    if (left.length === 0) return [[]];
    const ready = left.filter(({ op }) => op.parents.every((parent) => here.has(parent)));
    return ready.flatMap((next) => {
      here.add(next.hash);
      const rest = lay(left.filter((each) => each !== next)).map((tail) => [next, ...tail]);
      here.delete(next.hash);
      return rest;
    });
  };
  return lay(ops);
}

function same(ops: readonly LoggedOp[], ways: Iterable<readonly LoggedOp[]>): void {
  const history = filled(ops);
  const text = tellingOf(history);
  for (const way of ways) expect(tellingOf(filled(way))).toBe(text);
  check(history, ops);
}

test("every three ops of two owners, admins and a member, in every shape and order of arrival", () => {
  let seen = 0;
  for (const shape of shapes(3)) {
    for (let n = 0; n < MENU.length ** 3; n++) {
      const ops = laid(shape, [
        n % MENU.length,
        Math.floor(n / MENU.length) % MENU.length,
        Math.floor(n / MENU.length ** 2),
      ]);
      // The menu is small, so most choices are different only in who comes first; every eleventh of them is enough of all.
      if (n % 11 !== 0) continue;
      same(ops, orders(ops));
      seen++;
    }
  }
  expect(seen).toBeGreaterThan(1000);
});

const pick = fc.nat(MENU.length - 1);

test("five of them, in any shape", () => {
  const five = shapes(5);
  fc.assert(
    fc.property(fc.constantFrom(...five), fc.array(pick, { minLength: 5, maxLength: 5 }), (shape, picks) => {
      const ops = laid(shape, picks);
      same(ops, orders(ops).slice(0, 12));
      checkCuts(filled(ops), ops);
    }),
    { numRuns: 250 },
  );
});

test("hashes decide nothing between removals of different people", () => {
  const removing = new Set(["MemberRemoved", "MemberLeft", "MemberRoleSet", "TransferOwnership"]);
  const four = shapes(4);
  fc.assert(
    fc.property(
      fc.constantFrom(...four),
      fc.uniqueArray(pick, { minLength: 4, maxLength: 4, selector: (at) => MENU[at]![0].publicKey }),
      fc.integer({ min: 1, max: 1000 }),
      (shape, picks, grind) => {
        const outcomes = [0, grind].map((more) => {
          const ops = laid(shape, picks, more);
          const history = filled(ops);
          return ops.filter(({ op }) => removing.has(op.action.type)).map((each) => isEffective(history, each));
        });
        expect(outcomes[0]).toEqual(outcomes[1]);
      },
    ),
    { numRuns: 600 },
  );
});

const people = [alice, bob, carol, dave, eve];
const who = fc.constantFrom(...people);
const key = who.map((person) => person.publicKey);
const role = fc.constantFrom("Admin" as const, "Member" as const, "ReadOnly" as const);
const visibility = fc.constantFrom("Open" as const, "Restricted" as const);
const mask = fc.constantFrom(0, 511, CAPABILITY.manageMembers, CAPABILITY.createContext);
const typed = <T extends Action["type"]>(type: T, fields: object = {}): fc.Arbitrary<Action> =>
  fc.record({ type: fc.constant(type), ...fields }) as fc.Arbitrary<unknown> as fc.Arbitrary<Action>;
const context = fc.constant(contextId(1));

const anything: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: typed("MemberAdded", { member: key, role }) },
  { weight: 4, arbitrary: typed("MemberRemoved", { member: key }) },
  { weight: 3, arbitrary: typed("MemberRoleSet", { member: key, role }) },
  { weight: 2, arbitrary: typed("MemberCapabilitySet", { member: key, capabilities: mask }) },
  { weight: 2, arbitrary: typed("TransferOwnership", { newOwner: key }) },
  typed("MemberLeft"),
  typed("DefaultCapabilitiesSet", { capabilities: mask }),
  typed("SubgroupVisibilitySet", { visibility }),
  typed("GroupReparented", { newParentId: fc.constantFrom(ROOT, CHILD, GRANDCHILD) }),
  typed("GroupDelete"),
  typed("SubgroupRemoved", { childGroupId: fc.constantFrom(CHILD, GRANDCHILD) }),
  typed("MemberJoinedOpen"),
  typed("ContextRegistered", { contextId: context, creator: key }),
  typed("ContextDetached", { contextId: context }),
  typed("ContextVisibilitySet", { contextId: context, visibility }),
  typed("ContextAllowlistReplaced", { contextId: context, members: fc.uniqueArray(key, { maxLength: 3 }) }),
  typed("ContextCapabilityGranted", { contextId: context, member: key, capability: fc.constant(1) }),
  typed("ContextCapabilityRevoked", { contextId: context, member: key, capability: fc.constant(1) }),
  typed("AccountDeviceLinked", { device: key, proof: fc.constant("") }),
  typed("AccountDeviceUnlinked", { device: key }),
  typed("GroupAliasSet", { alias: fc.constant("x") }),
);

const step = fc.record({
  who,
  action: anything,
  group: fc.constantFrom<GroupId>(ROOT, ROOT, CHILD, GRANDCHILD),
  seen: fc.array(fc.nat(7), { minLength: 1, maxLength: 3 }),
});

/** Ops upon recent ones, in branches that come together and part. */
function grown(steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): readonly LoggedOp[] {
  const log = new Branches();
  log.op(alice, add(bob, "Admin"));
  log.op(alice, add(carol, "Admin"));
  log.op(bob, add(dave));
  log.op(bob, give(dave, 511));
  log.op(dave, child("Open"));
  log.op(dave, child("Restricted", GRANDCHILD), undefined, CHILD);
  for (const one of steps) {
    const pasts = pastsOf(log.ops);
    const chosen = [...new Set(one.seen.map((back) => log.ops[Math.max(5, log.ops.length - 1 - back)]!))];
    const parents = chosen.filter((a) => chosen.every((b) => a === b || !pasts.get(b.hash)!.has(a.hash)));
    log.op(one.who, one.action, parents, one.group);
  }
  return log.ops;
}

test("whatever anybody does in branches of any kind, all who have the same ops say the same", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (steps, chance) => {
      const ops = grown(steps);
      const shuffled = (): readonly LoggedOp[] => arranged(ops, (ready) => chance.next().value % ready.length);
      same(ops, [shuffled(), shuffled(), shuffled()]);
    }),
    { numRuns: 250 },
  );
});

test("what is said at a cut is never taken back, and a state is governed however far a log has come", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const ops = grown(steps);
      const history = openHistory(governanceCrypto);
      for (const [at, each] of ops.entries()) {
        history.add(each);
        // Asked half-way, so that what is remembered of shorter logs is put to the test as well.
        check(history, ops.slice(0, at + 1));
      }
      checkCuts(history, ops);
      expect(tellingOf(history)).toBe(tellingOf(filled(ops)));
    }),
    { numRuns: 60 },
  );
});

test("what a removal takes is taken once, from any state of the log", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const ops = grown(steps);
      const history = filled(ops);
      const states = ops.map(({ hash }) => history.stateAt([hash])).filter((each) => typeof each === "object");
      for (const { hash, op } of ops) {
        const before = history.stateAt(op.parents);
        if (before === undefined || before === "unknown") continue;
        const placed = { hash, op, depth: before.depth + 1 };
        if ("refused" in applyAt(before, placed, governanceCrypto)) continue;
        const take = takeOf(before, placed, governanceCrypto);
        for (const state of take === undefined ? [] : states) {
          const taken = take!(state);
          expect(take!(taken)).toBe(taken);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("a stranger's ops, wherever they are laid, change nothing", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 15 }), fc.array(step, { minLength: 1, maxLength: 10 }), (steps, tries) => {
      const ops = grown(steps.map((one) => (one.who === eve ? { ...one, who: bob } : one))).filter(
        ({ op }) => !("member" in op.action && op.action.member === eve.publicKey),
      );
      const whole = ops.filter(({ op }) => op.parents.every((parent) => ops.some(({ hash }) => hash === parent)));
      const known = arrangedWhole(whole);
      const before = filled(known);
      if (everKnown(known, before)) return;
      const after = filled(known);
      for (const [at, one] of tries.entries()) {
        const parent = known[one.seen[0]! % known.length]!;
        after.add(made({ who: eve, action: one.action, parents: [parent], group: one.group, nonce: at + 1 }));
      }
      const plain = (state: Namespace | undefined): string => textOf({ ...state, nonces: 0, depth: 0 });
      expect(plain(after.state)).toBe(plain(before.state));
    }),
    { numRuns: 150 },
  );
});

/** Only ops whose parents are all there. */
function arrangedWhole(ops: readonly LoggedOp[]): readonly LoggedOp[] {
  const here = new Set<Hash>();
  return ops.filter(({ hash, op }) => op.parents.every((parent) => here.has(parent)) && here.add(hash));
}

/** Whether eve had a place anywhere at any point of the log. */
function everKnown(ops: readonly LoggedOp[], history: History): boolean {
  return ops.some(({ hash }) => {
    const state = history.stateAt([hash]);
    if (state === undefined || state === "unknown") return false;
    if (state.devices.has(eve.publicKey)) return true;
    return [...state.groups.keys()].some((id) => standingOf(state, id, eve.publicKey) !== undefined);
  });
}

test("the founding op is the log's own", () => {
  const forged = made({ who: eve, action: genesis.op.action, parents: [] });
  const history = filled(common);
  expect(history.add(forged)).toMatchObject({ kind: "refused" });
  expect(openHistory(governanceCrypto, genesis.hash).add(forged)).toMatchObject({ kind: "refused" });
  expect(openHistory(governanceCrypto).add(common[1]!)).toEqual({ kind: "missing", parents: [genesis.hash] });
  expect(history.add(genesis)).toEqual({ kind: "known" });
  const twice = made({ who: alice, action: { type: "Noop" }, parents: [genesis, common[2]!], nonce: 99 });
  expect(history.add(twice)).toMatchObject({ kind: "refused" });
});
