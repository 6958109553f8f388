/** Cases 1 to 7 of rules/README.md, of people and their devices: each removal beside what it takes, in several orders of arrival. */
import { CAPABILITY } from "@shoal/node/governance/rules/capabilities.ts";
import type { Action } from "@shoal/node/governance/rules/op.ts";
import { standingOf } from "@shoal/node/governance/rules/standing.ts";
import type { KeyPair } from "@shoal/node/model/keys.ts";
import { describe, expect, test } from "vitest";
import { Branches, outcome, roleIn, together } from "./branches.ts";
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
  founded,
  give,
  invitation,
  person,
  remove,
  ROOT,
} from "./people.ts";

const setRole = (who: KeyPair, role: "Admin" | "Member" | "ReadOnly"): Action => ({
  type: "MemberRoleSet",
  member: who.publicKey,
  role,
});
const handOver = (to: KeyPair): Action => ({ type: "TransferOwnership", newOwner: to.publicKey });
const context = { type: "ContextRegistered", contextId: contextId(1) } as const;
const link = (device: KeyPair): Action => ({ type: "AccountDeviceLinked", device: device.publicKey, proof: "" });
const unlink = (device: KeyPair): Action => ({ type: "AccountDeviceUnlinked", device: device.publicKey });
describe("1 MemberRemoved", () => {
  test("beside a promotion of the same member by another admin: removed, whoever the admins are", () => {
    for (const [remover, promoter] of [
      [alice, bob],
      [bob, alice],
      [bob, carol],
      [carol, bob],
    ] as const) {
      const { log, base } = together();
      const gone = log.op(remover, remove(dave), [base]);
      const raised = log.op(promoter, setRole(dave, "Admin"), [base]);
      const acts = log.op(dave, add(eve), [raised]);
      const merged = log.op(alice, { type: "Noop" }, [gone, acts]);
      const history = log.settled();
      expect([gone, raised, acts, merged].map((each) => outcome(history, each))).toEqual([
        "effective",
        "concurrent: not_found",
        "concurrent: not_permitted",
        "effective",
      ]);
      expect([roleIn(history, dave), roleIn(history, eve)]).toEqual(["nobody", "nobody"]);
    }
  });

  test("beside another addition, or a join by an open invitation, of the same member: removed", () => {
    const log = new Branches();
    const base = log.op(alice, add(bob, "Admin"));
    const gone = log.op(alice, remove(dave), [log.op(alice, add(dave), [base])]);
    const again = log.op(bob, add(dave, "Admin"), [base]);
    const joined = log.op(dave, { type: "JoinWithInvitationClaim", ...invitation(bob, founded()) }, [base]);
    const history = log.settled();
    expect([gone, again, joined].map((each) => outcome(history, each))).toEqual([
      "effective",
      "concurrent: denied",
      "concurrent: denied",
    ]);
    expect(roleIn(history, dave)).toBe("nobody");
  });

  test("is lifted by who has seen it", () => {
    const { log, base } = together();
    const gone = log.op(alice, remove(dave), [base]);
    log.op(bob, add(dave), [gone]);
    log.op(carol, { type: "GroupAliasSet", alias: "x" }, [base]);
    expect(roleIn(log.settled(), dave)).toBe("Member");
  });

  test("makes void what the removed one lays beside it, however old it is made to look, and what rests on that", () => {
    const { log, base } = together();
    const gone = log.op(alice, remove(carol), [log.op(bob, { type: "Noop" }, [base])]);
    const friend = log.op(carol, add(eve, "Admin"), [base]);
    const revenge = log.op(eve, remove(bob), [friend]);
    const bobs = log.op(bob, add(person(9)), [gone]);
    const history = log.settled();
    expect([gone, friend, revenge, bobs].map((each) => outcome(history, each))).toEqual([
      "effective",
      "concurrent: not_permitted",
      "order: not_permitted",
      "effective",
    ]);
    expect([roleIn(history, bob), roleIn(history, eve)]).toEqual(["Admin", "nobody"]);
  });

  test("above takes what was done below", () => {
    const { log, base } = together();
    const below = log.op(carol, child("Open"), [base]);
    const gone = log.op(alice, remove(carol), [below]);
    const there = log.op(carol, add(eve, "Admin"), [below], CHILD);
    const history = log.settled();
    expect([gone, there].map((each) => outcome(history, each))).toEqual(["effective", "concurrent: not_permitted"]);
  });
});

describe("mutual removals", () => {
  test("the earlier admin's stands, in both directions of time and of hashes", () => {
    const { log, base } = together();
    const senior = log.op(bob, remove(carol), [base]);
    // As many tries as anybody may grind: the hash decides nothing between two signers.
    const tries = Array.from({ length: 20 }, () => log.op(carol, remove(bob), [base]));
    const history = log.settled();
    expect(outcome(history, senior)).toBe("effective");
    expect(new Set(tries.map((each) => outcome(history, each)))).toEqual(new Set(["concurrent: not_permitted"]));
    expect([roleIn(history, bob), roleIn(history, carol)]).toEqual(["Admin", "nobody"]);
  });

  test("an accomplice whom the junior brings in late is no more senior than the junior", () => {
    const { log, base } = together();
    const senior = log.op(bob, remove(carol), [log.op(alice, { type: "Noop" }, [base])]);
    const friend = log.op(carol, add(eve, "Admin"), [base]);
    const proxy = log.op(eve, remove(bob), [friend]);
    const history = log.settled();
    expect([senior, friend, proxy].map((each) => outcome(history, each))).toEqual([
      "effective",
      "concurrent: not_permitted",
      expect.stringMatching(/not_permitted|denied/),
    ]);
    expect(roleIn(history, bob)).toBe("Admin");
  });

  test("a circle of three ends with the senior's word", () => {
    const log = new Branches();
    for (const each of [bob, carol, dave]) log.op(alice, add(each, "Admin"));
    const base = log.ops.at(-1)!;
    const ring = [
      log.op(bob, remove(carol), [base]),
      log.op(carol, remove(dave), [base]),
      log.op(dave, remove(bob), [base]),
    ];
    const history = log.settled();
    expect(ring.map((each) => outcome(history, each).split(":")[0])).toEqual(["effective", "concurrent", "concurrent"]);
  });
});

test("2 MemberLeft takes what the leaver does elsewhere at the same time, and what others do for it", () => {
  const { log, base } = together();
  const left = log.op(carol, { type: "MemberLeft" }, [base]);
  const acts = log.op(carol, add(eve), [base]);
  const raised = log.op(bob, setRole(carol, "Admin"), [base]);
  const history = log.settled();
  expect([left, acts, raised].map((each) => outcome(history, each).split(":")[0])).toEqual([
    "effective",
    "concurrent",
    "concurrent",
  ]);
});

test("3 MemberRoleSet that lowers takes what the higher role did, and a raise beside it", () => {
  const { log, base } = together();
  const lowered = log.op(alice, setRole(carol, "Member"), [base]);
  const acts = log.op(carol, add(eve), [base]);
  const raised = log.op(bob, setRole(carol, "Admin"), [base]);
  const harmless = log.op(carol, { type: "MemberAliasSet", member: carol.publicKey, alias: "c" }, [base]);
  const history = log.settled();
  expect([lowered, acts, raised, harmless].map((each) => outcome(history, each))).toEqual([
    "effective",
    "concurrent: not_permitted",
    "concurrent: denied",
    "effective",
  ]);
  expect(roleIn(history, carol)).toBe("Member");
});

test("4 MemberCapabilitySet that takes a bit takes what that bit did; one that gives takes nothing", () => {
  const { log } = together();
  const base = log.op(alice, give(dave, CAPABILITY.manageMembers));
  const taken = log.op(alice, give(dave, CAPABILITY.createContext), [base]);
  const acts = log.op(dave, add(eve), [base]);
  const more = log.op(bob, give(dave, CAPABILITY.manageMembers | CAPABILITY.createContext), [base]);
  const history = log.settled();
  expect([taken, acts, more].map((each) => outcome(history, each))).toEqual([
    "effective",
    "concurrent: not_permitted",
    "concurrent: denied",
  ]);
  const other = together();
  const given = other.log.op(alice, give(dave, CAPABILITY.joinOpen | CAPABILITY.manageMembers));
  const fewer = other.log.op(bob, give(dave, CAPABILITY.joinOpen | 511), [given]);
  const works = other.log.op(dave, add(eve), [given]);
  expect([fewer, works].map((each) => outcome(other.log.settled(), each))).toEqual(["effective", "effective"]);
});

test("5 DefaultCapabilitiesSet that takes a bit takes it from who has it by default only", () => {
  const { log } = together();
  const every = CAPABILITY.createContext | CAPABILITY.joinOpen;
  log.op(alice, { type: "DefaultCapabilitiesSet", capabilities: every });
  log.op(alice, add(eve));
  const base = log.op(alice, give(eve, every));
  const taken = log.op(alice, { type: "DefaultCapabilitiesSet", capabilities: CAPABILITY.joinOpen }, [base]);
  const byDefault = log.op(dave, context, [base]);
  const byMask = log.op(eve, { ...context, contextId: contextId(2) }, [base]);
  const history = log.settled();
  expect([taken, byDefault, byMask].map((each) => outcome(history, each))).toEqual([
    "effective",
    "concurrent: not_permitted",
    "effective",
  ]);
});

describe("6 AccountDeviceUnlinked", () => {
  const [phone, other] = [person(60), person(61)] as [KeyPair, KeyPair];

  test("takes what the device does beside it, and the device stays out", () => {
    const { log } = together();
    const base = log.op(carol, link(phone));
    const acts = log.op(phone, add(eve), [base]);
    expect(outcome(log.settled(), acts)).toBe("effective");
    const gone = log.op(carol, unlink(phone), [base]);
    const later = log.op(carol, link(phone), [gone]);
    const elsewhere = log.op(bob, link(phone), [gone]);
    const asMember = log.op(bob, add(phone), [gone]);
    const history = log.settled();
    expect([acts, gone, later, elsewhere, asMember].map((each) => outcome(history, each))).toEqual([
      "concurrent: not_permitted",
      "effective",
      "cut: denied",
      "cut: denied",
      "cut: denied",
    ]);
    expect(history.state && standingOf(history.state, ROOT, phone.publicKey)).toBeUndefined();
  });

  test("devices act for their account, and neither link nor unlink", () => {
    const { log } = together();
    log.op(carol, link(phone));
    const added = log.op(phone, add(eve));
    const linked = log.op(phone, link(other));
    const unlinked = log.op(phone, unlink(phone));
    const asMember = log.op(alice, add(phone));
    const many = Array.from({ length: 16 }, (_, at) => log.op(carol, link(person(70 + at))));
    const left = log.op(phone, { type: "MemberLeft" });
    const history = log.settled();
    expect([added, linked, unlinked, asMember, left].map((each) => outcome(history, each))).toEqual([
      "effective",
      "cut: not_permitted",
      "cut: not_permitted",
      "cut: invalid",
      "effective",
    ]);
    expect(many.map((each) => outcome(history, each))).toEqual([
      ...Array.from({ length: 15 }, () => "effective"),
      "cut: limit",
    ]);
    expect(history.state?.groups.get(ROOT)?.members.get(eve.publicKey)?.by).toBe(carol.publicKey);
    expect(roleIn(history, carol)).toBe("nobody");
  });
});

test("7 TransferOwnership takes the owner's word from its signer, who cannot take it back by what looks older", () => {
  const { log, base } = together();
  const handed = log.op(alice, handOver(bob), [log.op(alice, { type: "Noop" }, [base])]);
  const ousted = log.op(bob, remove(alice), [handed]);
  const regrets = Array.from({ length: 10 }, () => [
    log.op(alice, setRole(bob, "Member"), [base]),
    log.op(alice, remove(bob), [base]),
  ]).flat();
  const history = log.settled();
  expect([handed, ousted].map((each) => outcome(history, each))).toEqual(["effective", "effective"]);
  expect(regrets.every((each) => outcome(history, each).startsWith("concurrent"))).toBe(true);
  expect(history.state?.groups.get(ROOT)?.owner).toBe(bob.publicKey);
});
