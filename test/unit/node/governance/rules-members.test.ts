/** The rules of the envelope, of members and of the tree: who may, who may not, and what comes of it. */
import { hashOf, signOp } from "@shoal/node/governance/crypto.ts";
import { CAPABILITY } from "@shoal/node/governance/rules/capabilities.ts";
import { describe, expect, test } from "vitest";
import {
  alice,
  applyUpon,
  bob,
  carol,
  CHILD,
  contextId,
  eve,
  founded,
  GRANDCHILD,
  groupId,
  ROOT,
  seed,
  add,
  remove,
  give,
  child,
  roleOf,
  type Stage,
} from "./people.ts";

describe("the envelope", () => {
  const parts = (stage: Stage) => ({
    version: 1,
    namespaceId: ROOT,
    groupId: ROOT,
    parents: stage.log.map((each) => each.hash),
    nonce: 2,
    atMs: stage.atMs,
    action: { type: "Noop" } as const,
  });

  test("refuses another version, another namespace, an unknown group, and too many parents", () => {
    const stage = founded();
    const reason = (more: object): unknown => {
      const verdict = applyUpon(stage.state, signOp(alice, { ...parts(stage), ...more }));
      return "refused" in verdict && verdict.refused.reason;
    };
    expect(reason({ version: 2 })).toBe("unknown_version");
    expect(reason({ namespaceId: CHILD })).toBe("unknown_group");
    expect(reason({ groupId: CHILD })).toBe("unknown_group");
    const parent = hashOf(signOp(alice, parts(stage)));
    expect(reason({ parents: [] })).toBe("invalid");
    expect(reason({ parents: Array.from({ length: 257 }, () => parent) })).toBe("too_many_parents");
  });

  test("refuses what its signer did not sign, and any change of what was signed", () => {
    const stage = founded();
    const op = signOp(alice, parts(stage));
    const reason = (more: object): unknown => {
      const verdict = applyUpon(stage.state, { ...op, ...more });
      return "refused" in verdict ? verdict.refused.reason : "ok";
    };
    expect(reason({})).toBe("ok");
    expect(reason({ signer: bob.publicKey })).toBe("bad_signature");
    expect(reason({ nonce: 3 })).toBe("bad_signature");
    expect(reason({ atMs: op.atMs + 1 })).toBe("bad_signature");
    expect(reason({ signature: "" })).toBe("bad_signature");
    expect(reason({ signature: "0OIl" })).toBe("bad_signature");
    expect(reason({ signature: "1".repeat(100_000) })).toBe("bad_signature");
  });

  test("refuses a nonce that does not grow", () => {
    const stage = founded();
    const op = signOp(alice, { ...parts(stage), nonce: 1 });
    expect(applyUpon(stage.state, op)).toMatchObject({ refused: { reason: "stale_nonce" } });
  });

  test("founds a namespace once, and again by its last owner", () => {
    const stage = founded();
    expect(stage.try(bob, ROOT, { type: "NamespaceCreated", seed })).toBe("already_exists");
    expect(stage.try(alice, ROOT, { type: "GroupDelete" })).toBe("ok");
    expect(stage.try(alice, ROOT, { type: "Noop" })).toBe("unknown_group");
    expect(stage.try(bob, ROOT, { type: "NamespaceCreated", seed })).toBe("not_permitted");
    expect(stage.try(alice, ROOT, { type: "NamespaceCreated", seed })).toBe("ok");
    expect(roleOf(stage, alice)).toBe("Admin");
  });
});

describe("members", () => {
  test("admins add anybody; MANAGE_MEMBERS adds all but admins; others nobody", () => {
    const stage = founded();
    expect(stage.try(alice, ROOT, add(bob))).toBe("ok");
    expect(stage.try(alice, ROOT, add(bob, "Admin"))).toBe("already_exists");
    expect(stage.try(bob, ROOT, add(carol))).toBe("not_permitted");
    expect(stage.try(eve, ROOT, add(eve))).toBe("not_permitted");
    expect(stage.try(eve, ROOT, { type: "Noop" })).toBe("not_permitted");
    stage.act(alice, ROOT, give(bob, CAPABILITY.manageMembers));
    expect(stage.try(bob, ROOT, add(carol, "Admin"))).toBe("not_permitted");
    expect(stage.try(bob, ROOT, add(carol))).toBe("ok");
    expect(stage.try(bob, ROOT, give(bob, CAPABILITY.manageApplication))).toBe("not_permitted");
    expect(stage.try(bob, ROOT, { type: "MemberRoleSet", member: bob.publicKey, role: "Admin" })).toBe("not_permitted");
  });

  test("only admins remove admins, nobody the owner, and no one stays without an admin", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob, "Admin"));
    stage.act(alice, ROOT, add(carol));
    stage.act(alice, ROOT, give(carol, CAPABILITY.manageMembers));
    expect(stage.try(carol, ROOT, remove(bob))).toBe("not_permitted");
    expect(stage.try(bob, ROOT, remove(alice))).toBe("owner_stays");
    expect(stage.try(bob, ROOT, { type: "MemberRoleSet", member: alice.publicKey, role: "Member" })).toBe(
      "owner_stays",
    );
    expect(stage.try(alice, ROOT, { type: "MemberLeft" })).toBe("owner_stays");
    expect(stage.try(bob, ROOT, { type: "TransferOwnership", newOwner: bob.publicKey })).toBe("not_permitted");
    expect(stage.try(alice, ROOT, { type: "TransferOwnership", newOwner: carol.publicKey })).toBe("invalid");
    expect(stage.try(alice, ROOT, { type: "TransferOwnership", newOwner: bob.publicKey })).toBe("ok");
    expect(stage.try(bob, ROOT, remove(alice))).toBe("ok");
    expect(roleOf(stage, alice)).toBeUndefined();
  });

  test("the last admin of a walled subgroup is not removed from above", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob));
    stage.act(alice, ROOT, give(bob, CAPABILITY.createSubgroup));
    expect(stage.try(bob, ROOT, child("Restricted"))).toBe("ok");
    expect(stage.try(alice, ROOT, remove(bob))).toBe("last_admin");
    stage.act(bob, CHILD, add(carol, "Admin"));
    expect(stage.try(alice, ROOT, remove(bob))).toBe("ok");
    expect(stage.group(CHILD)?.owner).toBe(carol.publicKey);
    expect(stage.group(CHILD)?.members.has(bob.publicKey)).toBe(false);
  });

  test("readers manage nothing, whatever their mask", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob, "ReadOnly"));
    stage.act(alice, ROOT, give(bob, CAPABILITY.manageMembers));
    expect(stage.try(bob, ROOT, add(carol))).toBe("not_permitted");
  });

  test("a mask with unknown bits is refused", () => {
    const stage = founded();
    expect(stage.try(alice, ROOT, { type: "DefaultCapabilitiesSet", capabilities: 1 << 20 })).toBe("invalid");
    expect(stage.try(alice, ROOT, { type: "DefaultCapabilitiesSet", capabilities: CAPABILITY.createContext })).toBe(
      "ok",
    );
    stage.act(alice, ROOT, add(bob));
    expect(stage.try(bob, ROOT, { type: "ContextRegistered", contextId: contextId(1) })).toBe("ok");
  });
});

describe("the tree", () => {
  test("rights flow down open groups and stop at a wall", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob));
    stage.act(alice, ROOT, child("Open"));
    stage.act(alice, CHILD, child("Restricted", GRANDCHILD));
    stage.act(alice, ROOT, add(carol, "Admin"));
    expect(roleOf(stage, bob, CHILD)).toBe("Member");
    expect(roleOf(stage, carol, CHILD)).toBe("Admin");
    expect(roleOf(stage, bob, GRANDCHILD)).toBeUndefined();
    expect(roleOf(stage, carol, GRANDCHILD)).toBeUndefined();
    expect(stage.try(carol, GRANDCHILD, add(bob))).toBe("not_permitted");
    stage.act(alice, GRANDCHILD, { type: "SubgroupVisibilitySet", visibility: "Open" });
    expect(roleOf(stage, carol, GRANDCHILD)).toBe("Admin");
  });

  test("an open group may live on admins from above, but then not close", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob));
    stage.act(alice, ROOT, give(bob, CAPABILITY.createSubgroup));
    stage.act(bob, ROOT, child("Open"));
    stage.act(alice, CHILD, { type: "MemberJoinedOpen" });
    expect(stage.try(alice, ROOT, remove(bob))).toBe("ok");
    expect(roleOf(stage, alice, CHILD)).toBe("Admin");
    expect(stage.try(alice, CHILD, { type: "SubgroupVisibilitySet", visibility: "Restricted" })).toBe("last_admin");
  });

  test("joins what is open only with the capability, and not after a removal", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob));
    stage.act(alice, ROOT, add(carol));
    stage.act(alice, ROOT, child("Open"));
    expect(stage.try(bob, CHILD, { type: "MemberJoinedOpen" })).toBe("ok");
    expect(stage.try(bob, CHILD, { type: "MemberJoinedOpen" })).toBe("already_exists");
    stage.act(alice, ROOT, give(carol, 0));
    expect(stage.try(carol, CHILD, { type: "MemberJoinedOpen" })).toBe("not_permitted");
    expect(stage.try(alice, CHILD, remove(bob))).toBe("ok");
    expect(roleOf(stage, bob, CHILD)).toBeUndefined();
    expect(roleOf(stage, bob)).toBe("Member");
    expect(stage.try(bob, CHILD, { type: "MemberJoinedOpen" })).toBe("not_permitted");
  });

  test("moves a group only with rights at both ends, never below itself or too deep", () => {
    const stage = founded();
    stage.act(alice, ROOT, child("Open"));
    stage.act(alice, CHILD, child("Open", GRANDCHILD));
    const move = (to: typeof ROOT) => ({ type: "GroupReparented", newParentId: to }) as const;
    expect(stage.try(alice, ROOT, move(CHILD))).toBe("invalid");
    expect(stage.try(alice, CHILD, move(GRANDCHILD))).toBe("invalid");
    expect(stage.try(alice, CHILD, move(groupId(9)))).toBe("not_found");
    expect(stage.try(alice, GRANDCHILD, move(ROOT))).toBe("ok");
    stage.act(alice, CHILD, add(bob, "Admin"));
    expect(stage.try(bob, CHILD, move(GRANDCHILD))).toBe("not_permitted");
    let above = CHILD;
    for (let depth = 2; depth <= 16; depth++) {
      expect(stage.try(alice, above, child("Open", groupId(depth)))).toBe("ok");
      above = groupId(depth);
    }
    expect(stage.try(alice, above, child("Open", groupId(17)))).toBe("too_deep");
    expect(roleOf(stage, alice, above)).toBe("Admin");
    expect(stage.try(alice, GRANDCHILD, move(above))).toBe("too_deep");
  });

  test("is taken down only when nothing is registered in it, by admins above in spite of walls", () => {
    const stage = founded();
    stage.act(alice, ROOT, add(bob));
    stage.act(alice, ROOT, give(bob, CAPABILITY.createSubgroup));
    stage.act(bob, ROOT, child("Restricted"));
    stage.act(bob, CHILD, { type: "ContextRegistered", contextId: contextId(1) });
    const down = { type: "SubgroupRemoved", childGroupId: CHILD } as const;
    expect(stage.try(alice, ROOT, down)).toBe("not_empty");
    expect(stage.try(carol, CHILD, { type: "ContextDetached", contextId: contextId(1) })).toBe("not_permitted");
    expect(stage.try(alice, CHILD, { type: "ContextDetached", contextId: contextId(1) })).toBe("ok");
    expect(stage.try(alice, ROOT, down)).toBe("ok");
    expect(stage.group(CHILD)).toBeUndefined();
  });
});
