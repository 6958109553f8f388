/** The numbered cases of rules/README.md: each removal beside what it takes, in several orders of arrival. */
import { governanceCrypto } from "@shoal/node/governance/crypto.ts";
import { CAPABILITY } from "@shoal/node/governance/rules/capabilities.ts";
import type { Action, LoggedOp } from "@shoal/node/governance/rules/op.ts";
import { invitationBytes } from "@shoal/node/governance/rules/signing-bytes.ts";
import { standingOf } from "@shoal/node/governance/rules/standing.ts";
import type { KeyPair } from "@shoal/node/model/keys.ts";
import { describe, expect, test } from "vitest";
import { Branches, outcome, roleIn } from "./branches.ts";
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
  GRANDCHILD,
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
const list = (...who: KeyPair[]): Action => ({
  type: "ContextAllowlistReplaced",
  contextId: contextId(1),
  members: who.map((each) => each.publicKey),
});

/** Alice's, with the admins bob and carol (in that order) and the member dave. */
function together(): { log: Branches; base: LoggedOp } {
  const log = new Branches();
  log.op(alice, add(bob, "Admin"));
  log.op(alice, add(carol, "Admin"));
  return { log, base: log.op(alice, add(dave)) };
}

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

test("8 SubgroupVisibilitySet to Restricted takes what came from above", () => {
  const { log } = together();
  log.op(dave, { type: "Noop" });
  log.op(alice, give(dave, 511));
  log.op(dave, child("Open"));
  const base = log.op(dave, add(eve), undefined, CHILD);
  const closed = log.op(dave, { type: "SubgroupVisibilitySet", visibility: "Restricted" }, [base], CHILD);
  const above = log.op(carol, add(person(9)), [base], CHILD);
  const history = log.settled();
  expect([closed, above].map((each) => outcome(history, each))).toEqual(["effective", "concurrent: not_permitted"]);
});

test("9 GroupReparented takes what came from where the group hung", () => {
  const { log } = together();
  log.op(alice, child("Restricted"));
  log.op(alice, child("Open", GRANDCHILD));
  const base = log.op(alice, add(eve));
  const moved = log.op(alice, { type: "GroupReparented", newParentId: CHILD }, [base], GRANDCHILD);
  const above = log.op(carol, add(person(9)), [base], GRANDCHILD);
  const history = log.settled();
  expect([moved, above].map((each) => outcome(history, each))).toEqual(["effective", "concurrent: not_permitted"]);
});

test("10 GroupDelete and SubgroupRemoved take whatever is done in the group beside them", () => {
  for (const [action, group] of [
    [{ type: "GroupDelete" }, CHILD],
    [{ type: "SubgroupRemoved", childGroupId: CHILD }, ROOT],
  ] as const) {
    const { log } = together();
    const base = log.op(alice, child("Open"));
    const gone = log.op(alice, action, [base], group);
    const inside = log.op(bob, context, [base], CHILD);
    const history = log.settled();
    expect([gone, inside].map((each) => outcome(history, each))).toEqual(["effective", "concurrent: unknown_group"]);
    expect(history.state?.groups.has(CHILD)).toBe(false);
  }
});

test("11 ContextDetached takes whatever is done about the context beside it", () => {
  const { log } = together();
  const base = log.op(alice, context);
  const gone = log.op(alice, { type: "ContextDetached", contextId: contextId(1) }, [base]);
  const named = log.op(bob, { type: "ContextAliasSet", contextId: contextId(1), alias: "x" }, [base]);
  const history = log.settled();
  expect([gone, named].map((each) => outcome(history, each))).toEqual(["effective", "concurrent: not_found"]);
});

test("12 InvitationRevoked takes a join by it", () => {
  const { log, base } = together();
  const asked = invitation(alice, founded());
  const name = governanceCrypto.hash(invitationBytes(asked.invitation));
  const revoked = log.op(bob, { type: "InvitationRevoked", invitation: name }, [base]);
  const joined = log.op(eve, { type: "JoinWithInvitationClaim", ...asked }, [base]);
  const history = log.settled();
  expect([revoked, joined].map((each) => outcome(history, each))).toEqual(["effective", "concurrent: spent"]);
});

test("12a an invitation that is spent once lets one in, the same one everywhere", () => {
  const { log, base } = together();
  const asked = invitation(alice, founded(), { once: true });
  const joins = [eve, person(9)].map((each) => log.op(each, { type: "JoinWithInvitationClaim", ...asked }, [base]));
  const history = log.settled();
  expect(joins.map((each) => outcome(history, each)).sort()).toEqual(["effective", "order: spent"]);
});

test("13 ContextVisibilitySet to Restricted takes its opening beside it", () => {
  const { log } = together();
  log.op(alice, context);
  const close = { type: "ContextVisibilitySet", contextId: contextId(1), visibility: "Restricted" } as const;
  const base = log.ops.at(-1)!;
  const closed = log.op(bob, close, [base]);
  const opened = log.op(alice, { ...close, visibility: "Open" }, [log.op(alice, close, [base])]);
  const history = log.settled();
  expect([closed, opened].map((each) => outcome(history, each).split(":")[0])).toContain("concurrent");
  expect(history.state?.groups.get(ROOT)?.contexts.get(contextId(1))?.visibility).toBe("Restricted");
});

test("14 ContextAllowlistReplaced takes those it drops, from lists that name them beside it", () => {
  const { log } = together();
  log.op(alice, context);
  const base = log.op(alice, list(bob, dave));
  const dropped = log.op(alice, list(bob), [base]);
  const kept = log.op(bob, list(bob, dave, carol), [base]);
  const history = log.settled();
  expect([dropped, kept].map((each) => outcome(history, each))).toEqual(["effective", "concurrent: denied"]);
});

test("15 ContextCapabilityRevoked takes what was done by it", () => {
  const { log } = together();
  log.op(alice, context);
  const right = { contextId: contextId(1), member: dave.publicKey, capability: 1 } as const;
  const base = log.op(alice, { type: "ContextCapabilityGranted", ...right });
  const revoked = log.op(alice, { type: "ContextCapabilityRevoked", ...right }, [base]);
  const used = log.op(dave, list(dave), [base]);
  const history = log.settled();
  expect([revoked, used].map((each) => outcome(history, each))).toEqual(["effective", "concurrent: not_permitted"]);
});

test("16 TeeAdmissionPolicySet takes admission by the policy before", () => {
  const { log } = together();
  const policy = {
    allowedMrtd: ["11"],
    allowedRtmr: [[], [], [], []],
    allowedTcbStatuses: ["ok"],
    acceptMock: false,
  } as const;
  const base = log.op(alice, { type: "TeeAdmissionPolicySet", policy });
  const narrowed = log.op(alice, { type: "TeeAdmissionPolicySet", policy: { ...policy, allowedMrtd: [] } }, [base]);
  const evidence = { quoteHash: "aa", mrtd: "11", rtmr: ["", "", "", ""], tcbStatus: "ok", mock: false } as const;
  const joined = log.op(
    bob,
    { type: "MemberJoinedViaTeeAttestation", member: eve.publicKey, evidence, role: "ReadOnly" },
    [base],
  );
  const history = log.settled();
  expect([narrowed, joined].map((each) => outcome(history, each))).toEqual(["effective", "concurrent: not_attested"]);
});

test("no three removals together leave a group that nobody governs", () => {
  const log = new Branches();
  log.op(alice, add(dave));
  log.op(alice, give(dave, 511));
  log.op(dave, child("Restricted"));
  for (const each of [bob, carol]) log.op(dave, add(each, "Admin"), undefined, CHILD);
  const base = log.op(dave, handOver(bob), undefined, CHILD);
  log.op(bob, remove(carol), [base], CHILD);
  log.op(carol, { type: "MemberLeft" }, [base], CHILD);
  log.op(alice, remove(dave), [base]);
  const history = log.settled();
  const admins = [...(history.state?.groups.get(CHILD)?.members.values() ?? [])].filter(({ role }) => role === "Admin");
  expect(admins.length).toBeGreaterThan(0);
});

test("nonces are judged among ancestors only: two nodes of one account may write at the same time", () => {
  const { log, base } = together();
  const [one, two] = [log.op(bob, add(eve), [base]), log.op(bob, add(person(9)), [base])];
  const history = log.settled();
  expect([one, two].map((each) => outcome(history, each))).toEqual(["effective", "effective"]);
});

test("a key is for whoever may write in its scope, and the latest in the canonical order is the current one", () => {
  const { log } = together();
  log.op(alice, add(eve, "ReadOnly"));
  const rotate = (scope: string, keyId: string): Action => ({
    type: "GroupKeyRotated",
    scope,
    keyId: keyId.repeat(32),
    boxes: { [bob.publicKey]: "" } as Readonly<Record<KeyPair["publicKey"], string>>,
  });
  const base = log.op(dave, rotate(ROOT, "01"));
  const byReader = log.op(eve, rotate(ROOT, "02"), [base]);
  const [one, two] = [log.op(bob, rotate(ROOT, "03"), [base]), log.op(carol, rotate(ROOT, "04"), [base])];
  const elsewhere = log.op(bob, rotate(CHILD, "05"), [base]);
  const history = log.settled();
  expect([byReader, elsewhere].map((each) => outcome(history, each))).toEqual(["cut: not_permitted", "cut: not_found"]);
  const last = history.ops().findLast(({ hash }) => hash === one.hash || hash === two.hash);
  expect(history.state?.rotations.get(ROOT)).toMatchObject({ op: last?.hash, groupId: ROOT });
  expect(history.state?.rotations.get(ROOT)?.audience).toEqual(new Set([bob.publicKey]));
});
