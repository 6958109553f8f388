/** Cases 8 to 16 of rules/README.md, of groups and contexts, and what holds beside them. */
import { governanceCrypto } from "@shoal/node/governance/crypto.ts";
import type { Action } from "@shoal/node/governance/rules/op.ts";
import { invitationBytes } from "@shoal/node/governance/rules/signing-bytes.ts";
import type { KeyPair } from "@shoal/node/model/keys.ts";
import { expect, test } from "vitest";
import { Branches, outcome, together } from "./branches.ts";
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

const handOver = (to: KeyPair): Action => ({ type: "TransferOwnership", newOwner: to.publicKey });
const context = { type: "ContextRegistered", contextId: contextId(1) } as const;
const list = (...who: KeyPair[]): Action => ({
  type: "ContextAllowlistReplaced",
  contextId: contextId(1),
  members: who.map((each) => each.publicKey),
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
    boxes: { [bob.publicKey]: "" },
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
