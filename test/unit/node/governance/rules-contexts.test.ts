/** The rules of contexts, invitations, settings and attestation: who may, who may not, and what comes of it. */
import { governanceCrypto } from "@shoal/node/governance/crypto.ts";
import { CAPABILITY } from "@shoal/node/governance/rules/capabilities.ts";
import { invitationBytes } from "@shoal/node/governance/rules/signing-bytes.ts";
import type { KeyPair } from "@shoal/node/model/keys.ts";
import { describe, expect, test } from "vitest";
import {
  alice,
  applicationId,
  bob,
  carol,
  CHILD,
  contextId,
  dave,
  eve,
  founded,
  GRANDCHILD,
  invitation,
  person,
  ROOT,
  seed,
  add,
  remove,
  give,
  child,
  roleOf,
  access,
  type Stage,
} from "./people.ts";

describe("contexts", () => {
  test("members write, readers read, strangers do neither", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob));
    stage.act(alice, ROOT, add(carol, "ReadOnly"));
    expect(stage.try(bob, ROOT, { type: "ContextRegistered", contextId: contextId(1) })).toBe("not_permitted");
    stage.act(alice, ROOT, { type: "ContextRegistered", contextId: contextId(1) });
    expect(stage.try(alice, ROOT, { type: "ContextRegistered", contextId: contextId(1) })).toBe("already_exists");
    expect([alice, bob, carol, dave].map((who) => access(stage, who))).toEqual(["write", "write", "read", "none"]);
  });

  test("a restricted one lets in its creator, its list and the group's own admins, not those who inherit", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob));
    stage.act(alice, ROOT, add(carol));
    stage.act(alice, ROOT, add(dave, "Admin"));
    stage.act(alice, ROOT, { type: "ContextRegistered", contextId: contextId(1), creator: bob.publicKey });
    const close = { type: "ContextVisibilitySet", contextId: contextId(1), visibility: "Restricted" } as const;
    expect(stage.try(carol, ROOT, close)).toBe("not_permitted");
    expect(stage.try(bob, ROOT, close)).toBe("ok");
    expect([bob, carol, dave].map((who) => access(stage, who))).toEqual(["write", "none", "write"]);
    const list = (...who: KeyPair[]) =>
      ({
        type: "ContextAllowlistReplaced",
        contextId: contextId(1),
        members: who.map((each) => each.publicKey),
      }) as const;
    expect(stage.try(carol, ROOT, list(carol))).toBe("not_permitted");
    expect(stage.try(bob, ROOT, list(eve))).toBe("not_found");
    expect(stage.try(bob, ROOT, list(carol))).toBe("ok");
    expect([bob, carol].map((who) => access(stage, who))).toEqual(["write", "write"]);
    stage.act(alice, ROOT, child("Open"));
    stage.act(alice, CHILD, { type: "ContextRegistered", contextId: contextId(2) });
    stage.act(alice, CHILD, { type: "ContextVisibilitySet", contextId: contextId(2), visibility: "Restricted" });
    expect(access(stage, dave, contextId(2), CHILD)).toBe("none");
    expect(stage.try(dave, CHILD, { ...list(dave), contextId: contextId(2) })).toBe("not_permitted");
  });

  test("who is removed loses the list, the capability and the way back in", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob));
    stage.act(alice, ROOT, { type: "ContextRegistered", contextId: contextId(1), creator: bob.publicKey });
    const right = { contextId: contextId(1), member: bob.publicKey, capability: 0 } as const;
    expect(stage.try(bob, ROOT, { type: "ContextCapabilityGranted", ...right })).toBe("not_permitted");
    expect(stage.try(alice, ROOT, { type: "ContextCapabilityGranted", ...right, capability: 8 })).toBe("invalid");
    expect(stage.try(alice, ROOT, { type: "ContextCapabilityGranted", ...right })).toBe("ok");
    expect(stage.group(ROOT)?.contexts.get(contextId(1))?.capabilities.get(bob.publicKey)).toBe(1);
    stage.act(alice, ROOT, add(carol));
    const list = { type: "ContextAllowlistReplaced", contextId: contextId(1), members: [carol.publicKey] } as const;
    expect(stage.try(carol, ROOT, list)).toBe("not_permitted");
    const keep = { contextId: contextId(1), member: carol.publicKey, capability: 1 } as const;
    stage.act(alice, ROOT, { type: "ContextCapabilityGranted", ...keep });
    expect(stage.try(carol, ROOT, list)).toBe("ok");
    stage.act(alice, ROOT, { type: "ContextCapabilityRevoked", ...keep });
    expect(stage.try(carol, ROOT, list)).toBe("not_permitted");
    stage.act(alice, ROOT, remove(bob));
    const context = stage.group(ROOT)?.contexts.get(contextId(1));
    expect(context?.capabilities.size).toBe(0);
    expect(context?.allowlist.has(bob.publicKey)).toBe(false);
    expect(access(stage, bob)).toBe("none");
  });
});

describe("invitations", () => {
  const claim = (stage: Stage, who: KeyPair, made: ReturnType<typeof invitation>) =>
    stage.try(who, ROOT, { type: "JoinWithInvitationClaim", ...made });

  test("let anybody in until they expire, if their inviter may invite", () => {
    const stage = founded();
    const open = invitation(alice, stage);
    expect(claim(stage, bob, open)).toBe("ok");
    expect(claim(stage, bob, open)).toBe("already_exists");
    expect(claim(stage, carol, invitation(bob, stage))).toBe("not_permitted");
    expect(claim(stage, carol, { ...open, invitation: { ...open.invitation, expiresAtMs: 9e15 } })).toBe(
      "bad_signature",
    );
    expect(claim(stage, carol, invitation(alice, stage, { groupId: CHILD }))).toBe("not_invited");
    stage.atMs += 60_000;
    expect(claim(stage, carol, open)).toBe("expired");
  });

  test("are worth what their inviter still may do", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob));
    stage.act(alice, ROOT, give(bob, CAPABILITY.inviteMembers));
    const made = invitation(bob, stage);
    expect(claim(stage, carol, made)).toBe("ok");
    stage.act(alice, ROOT, give(bob, 0));
    expect(claim(stage, dave, made)).toBe("not_permitted");
  });

  test("can be for one person, for one use, and revoked", () => {
    const stage = founded();
    expect(claim(stage, bob, invitation(alice, stage, { invitee: carol.publicKey }))).toBe("not_invited");
    const once = invitation(alice, stage, { once: true });
    expect(claim(stage, bob, once)).toBe("ok");
    expect(claim(stage, carol, once)).toBe("spent");
    const open = invitation(alice, stage, { salt: "01".repeat(32) });
    const name = governanceCrypto.hash(invitationBytes(open.invitation));
    expect(stage.try(bob, ROOT, { type: "InvitationRevoked", invitation: name })).toBe("not_permitted");
    expect(stage.try(alice, ROOT, { type: "InvitationRevoked", invitation: name })).toBe("ok");
    expect(claim(stage, carol, open)).toBe("spent");
  });

  test("do not bring back who was removed, unless asked by name since", () => {
    const stage = founded();
    const open = invitation(alice, stage);
    const named = invitation(alice, stage, { invitee: bob.publicKey });
    claim(stage, bob, open);
    stage.act(alice, ROOT, remove(bob));
    stage.atMs += 1;
    expect(claim(stage, bob, open)).toBe("denied");
    expect(claim(stage, bob, named)).toBe("denied");
    expect(claim(stage, bob, invitation(alice, stage, { invitee: bob.publicKey }))).toBe("ok");
  });

  test("to a context open a restricted one only where the inviter could", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob));
    stage.act(alice, ROOT, give(bob, CAPABILITY.inviteMembers));
    stage.act(alice, ROOT, { type: "ContextRegistered", contextId: contextId(1) });
    stage.act(alice, ROOT, { type: "ContextVisibilitySet", contextId: contextId(1), visibility: "Restricted" });
    const to = { contextId: contextId(1) };
    const join = (who: KeyPair, made: ReturnType<typeof invitation>) =>
      stage.try(who, ROOT, { type: "MemberJoinedViaContextInvitation", ...made });
    expect(join(carol, invitation(bob, stage, { contextId: contextId(2) }))).toBe("not_found");
    expect(join(carol, invitation(bob, stage, to))).toBe("ok");
    expect(access(stage, carol)).toBe("none");
    expect(join(dave, invitation(alice, stage, to))).toBe("ok");
    expect(access(stage, dave)).toBe("write");
  });
});

describe("settings", () => {
  test("the application moves with MANAGE_APPLICATION, and below only where the signer may as well", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob));
    stage.act(alice, ROOT, child("Open"));
    stage.act(alice, ROOT, child("Restricted", GRANDCHILD));
    const to = {
      type: "TargetApplicationSet",
      appKey: seed.appKey,
      applicationId: applicationId(2),
      version: "2.0.0",
    } as const;
    expect(stage.try(bob, ROOT, { ...to, cascade: true })).toBe("not_permitted");
    stage.act(alice, ROOT, give(bob, CAPABILITY.manageApplication));
    expect(stage.try(bob, ROOT, { ...to, cascade: true })).toBe("ok");
    const targets = [ROOT, CHILD, GRANDCHILD].map((id) => stage.group(id)?.targetApplicationId);
    expect(targets).toEqual([applicationId(2), applicationId(1), applicationId(1)]);
    stage.act(alice, ROOT, { ...to, applicationId: applicationId(1), cascade: false });
    stage.act(alice, ROOT, { ...to, cascade: true });
    expect(stage.group(CHILD)?.targetApplicationId).toBe(applicationId(2));
  });

  test("names and data have bounds", () => {
    const stage = founded();
    expect(stage.try(alice, ROOT, { type: "GroupAliasSet", alias: "" })).toBe("limit");
    expect(stage.try(alice, ROOT, { type: "GroupAliasSet", alias: "x".repeat(65) })).toBe("limit");
    const data = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, ""]));
    expect(stage.try(alice, ROOT, { type: "GroupMetadataSet", metadata: { data } })).toBe("limit");
    expect(stage.try(alice, ROOT, { type: "GroupMetadataSet", metadata: { name: "team", data: { a: "b" } } })).toBe(
      "ok",
    );
    expect(stage.try(alice, ROOT, { type: "GroupAliasSet", alias: "crew" })).toBe("ok");
    expect(stage.group(ROOT)?.metadata).toMatchObject({ name: "crew", data: { a: "b" }, by: alice.publicKey });
  });
});

describe("attestation", () => {
  const evidence = {
    quoteHash: "aa".repeat(32),
    mrtd: "11",
    rtmr: ["0", "1", "2", "3"] as const,
    tcbStatus: "UpToDate",
    mock: false,
  };
  const policy = {
    allowedMrtd: ["11"],
    allowedRtmr: [[], ["1"], [], []] as const,
    allowedTcbStatuses: ["UpToDate"],
    acceptMock: false,
  };
  const join = (who: KeyPair, more: object = {}, role: "ReadOnlyTee" | "Member" = "ReadOnlyTee") =>
    ({
      type: "MemberJoinedViaTeeAttestation",
      member: who.publicKey,
      evidence: { ...evidence, ...more },
      role,
    }) as const;

  test("admits readers whose evidence satisfies the policy, once per quote", () => {
    const stage = founded();
    const machine = person(9);
    expect(stage.try(alice, ROOT, join(machine))).toBe("not_attested");
    expect(stage.try(bob, ROOT, { type: "TeeAdmissionPolicySet", policy })).toBe("not_permitted");
    stage.act(alice, ROOT, { type: "TeeAdmissionPolicySet", policy });
    expect(stage.try(alice, ROOT, join(machine, { mrtd: "12" }))).toBe("not_attested");
    expect(stage.try(alice, ROOT, join(machine, { rtmr: ["0", "9", "2", "3"] }))).toBe("not_attested");
    expect(stage.try(alice, ROOT, join(machine, { tcbStatus: "Revoked" }))).toBe("not_attested");
    expect(stage.try(alice, ROOT, join(machine, { mock: true }))).toBe("not_attested");
    expect(stage.try(alice, ROOT, join(machine, {}, "Member"))).toBe("not_permitted");
    expect(stage.try(machine, ROOT, join(machine))).toBe("not_permitted");
    expect(stage.try(alice, ROOT, join(machine))).toBe("ok");
    expect(roleOf(stage, machine)).toBe("ReadOnlyTee");
    expect(stage.try(alice, ROOT, join(bob))).toBe("spent");
    expect(stage.try(machine, ROOT, join(bob, { quoteHash: "bb".repeat(32) }))).toBe("not_permitted");
  });
});
