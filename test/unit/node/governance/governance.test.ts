/** Governance as contexts and server meet it, on a real store. */
import { silentLog } from "@shoal/shared/base/log.ts";
import { bytesOf } from "@shoal/node/model/ids.ts";
import { createSigners } from "@shoal/node/governance/signers.ts";
import { signText } from "@shoal/node/governance/crypto.ts";
import { invitationBytes } from "@shoal/node/governance/rules/signing-bytes.ts";
import { PREFIX } from "@shoal/node/governance/keys.ts";
import { openLedger } from "@shoal/node/governance/ledger.ts";
import { identityRow } from "@shoal/node/context/identities.ts";
import type { GroupId } from "@shoal/node/model/ids.ts";
import { describe, expect, test } from "vitest";
import { admit, clock, newContext, startNode, type TestNode } from "./node.ts";
import { alice, applicationId, bob, carol, contextId, groupId, person, textOf } from "./people.ts";

const code = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "ok",
    (thrown: unknown) => (thrown as { code?: string }).code,
  );

function thrown(action: () => unknown): unknown {
  try {
    action();
    return "ok";
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

const newGroup = {
  applicationId: applicationId(1),
  upgradePolicy: { type: "Automatic" },
  visibility: "Open",
} as const;

describe("a context", () => {
  test("without a group gets one of its own, whose id is the context's", async () => {
    const node = await startNode();
    const { governance } = node;
    expect(governance.placeFor(newContext(1))).toMatchObject({ groupCreated: true });
    expect(governance.groupOf(contextId(1))).toBeUndefined();
    const id = await admit(node, 1);
    expect(id).toBe(Buffer.from(bytesOf(contextId(1))).toString("hex"));
    expect(governance.standing(id, alice.publicKey)).toMatchObject({ role: "Admin", direct: true });
    expect(governance.mayExecute(contextId(1), alice.publicKey)).toBe("write");
    expect(governance.mayExecute(contextId(1), bob.publicKey)).toBe("none");
    expect(governance.mayExecute(contextId(2), alice.publicKey)).toBe("none");
    expect(thrown(() => governance.placeFor(newContext(1)))).toBe("already_exists");
  });

  test("created by another identity makes it an admin of its own group, and a member of a named one", async () => {
    const node = await startNode();
    const { governance, store } = node;
    await governance.admit(newContext(1, { identity: bob.publicKey }), (rows) => store.apply(rows));
    expect(governance.memberIdentities(contextId(1)).toSorted()).toEqual([alice.publicKey, bob.publicKey].toSorted());
    const group = await governance.createGroup(newGroup);
    await governance.admit(newContext(2, { identity: carol.publicKey, groupId: group }), (rows) => store.apply(rows));
    expect(governance.standing(group, carol.publicKey)?.role).toBe("Member");
    expect(governance.group(group).group.contexts.get(contextId(2))?.creator).toBe(carol.publicKey);
    expect(governance.mayCallAcross(contextId(1), contextId(2))).toBe(false);
  });

  test("is moved by every writer to what the group runs, to anything else by few", async () => {
    const node = await startNode();
    const { governance } = node;
    const group = await governance.createGroup(newGroup);
    await admit(node, 1, group);
    await governance.act(group, [
      { type: "MemberAdded", member: bob.publicKey, role: "Member" },
      { type: "MemberAdded", member: carol.publicKey, role: "ReadOnly" },
    ]);
    const may = (who: typeof alice, id: number, version: string): boolean =>
      governance.mayUpdate(contextId(1), who.publicKey, { id: applicationId(id), version });
    expect([alice, bob, carol].map((who) => may(who, 1, "1.0.0"))).toEqual([true, true, false]);
    expect([alice, bob, carol].map((who) => may(who, 2, "2.0.0"))).toEqual([true, false, false]);
    const right = { contextId: contextId(1), member: bob.publicKey, capability: 0 };
    await governance.act(group, [{ type: "ContextCapabilityGranted", ...right }]);
    expect(may(bob, 2, "2.0.0")).toBe(true);
  });

  test("whose batch fails leaves no trace", async () => {
    const node = await startNode();
    const { governance } = node;
    const group = await governance.createGroup(newGroup);
    const heads = governance.heads(group);
    const failing = governance.admit(newContext(1, { groupId: group }), async () => {
      throw new Error("disk full");
    });
    await expect(failing).rejects.toThrow("disk full");
    expect(governance.groupOf(contextId(1))).toBeUndefined();
    expect(governance.heads(group)).toEqual(heads);
    await admit(node, 1, group);
    expect(governance.groupOf(contextId(1))).toBe(group);
  });

  test("that leaves takes the group made for it along, and may come back", async () => {
    const node = await startNode();
    const { governance, store } = node;
    const id = await admit(node, 1);
    await governance.release(contextId(1), (rows) => store.apply(rows));
    expect(thrown(() => governance.group(id))).toBe("not_found");
    expect(await admit(node, 1)).toBe(id);
    const group = await governance.createGroup(newGroup);
    await admit(node, 2, group);
    await governance.release(contextId(2), (rows) => store.apply(rows));
    expect(governance.group(group).group.contexts.size).toBe(0);
  });

  test("in a group nobody here is in, or may register contexts in, is refused before anything ran", async () => {
    const node = await startNode();
    expect(thrown(() => node.governance.placeFor(newContext(1, { groupId: groupId(9) })))).toBe("not_found");
    const group = await node.governance.createGroup(newGroup);
    await node.governance.act(group, [
      { type: "MemberAdded", member: bob.publicKey, role: "Admin" },
      { type: "TransferOwnership", newOwner: bob.publicKey },
      { type: "MemberRoleSet", member: alice.publicKey, role: "Member" },
    ]);
    expect(thrown(() => node.governance.placeFor(newContext(1, { groupId: group })))).toBe("permission_denied");
  });
});

describe("the store", () => {
  async function busy(node: TestNode): Promise<GroupId> {
    const { governance } = node;
    const root = await governance.createGroup({ ...newGroup, name: "team" });
    const child = await governance.createGroup({ ...newGroup, parentId: root, visibility: "Restricted" });
    await admit(node, 1, root);
    await admit(node, 2, child);
    await governance.act(root, [
      { type: "MemberAdded", member: bob.publicKey, role: "Member" },
      { type: "MemberAdded", member: carol.publicKey, role: "ReadOnly" },
      { type: "MemberRemoved", member: carol.publicKey },
      { type: "ContextVisibilitySet", contextId: contextId(1), visibility: "Restricted" },
      { type: "ContextCapabilityGranted", contextId: contextId(1), member: bob.publicKey, capability: 1 },
      { type: "GroupMetadataSet", metadata: { name: "crew", data: { colour: "blue" } } },
    ]);
    const invited = governance.invite({ groupId: root, expiresAtMs: clock.now() + 1000, once: false });
    await governance.revoke(root, invited.invitation);
    return root;
  }

  test("gives the same state back after a restart, and makes it anew from the logs where its rows are older", async () => {
    const node = await startNode();
    const root = await busy(node);
    const before = textOf(node.governance.group(root).namespace);
    const heads = node.governance.heads(root);
    const again = await node.restart();
    expect(textOf(again.governance.group(root).namespace)).toEqual(before);
    expect(again.governance.heads(root)).toEqual(heads);
    // As an older release would leave it: its own format, and rows that this one does not know.
    await again.store.apply([
      { column: "group", key: Uint8Array.of(PREFIX.format), value: Uint8Array.of(0) },
      { column: "group", key: Uint8Array.of(0x21, 1, 2, 3), value: Buffer.from("{}") },
    ]);
    const rebuilt = await again.restart();
    expect(textOf(rebuilt.governance.group(root).namespace)).toEqual(before);
    expect(rebuilt.store.get("group", Uint8Array.of(0x21, 1, 2, 3))).toBeUndefined();
    await rebuilt.governance.act(root, [{ type: "Noop" }]);
  });

  test("takes all actions of a call or none", async () => {
    const { governance } = await startNode();
    const root = await governance.createGroup(newGroup);
    const both = governance.act(root, [
      { type: "MemberAdded", member: bob.publicKey, role: "Member" },
      { type: "MemberAdded", member: bob.publicKey, role: "Member" },
    ]);
    expect(await code(both)).toBe("already_exists");
    expect(governance.standing(root, bob.publicKey)).toBeUndefined();
  });

  test("keeps ids unique over all namespaces", async () => {
    const node = await startNode();
    const one = await node.governance.createGroup({ ...newGroup, groupId: groupId(1) });
    const two = await node.governance.createGroup(newGroup);
    const child = { ...newGroup, groupId: groupId(1), parentId: two };
    expect(await code(node.governance.createGroup({ ...newGroup, groupId: groupId(1) }))).toBe("already_exists");
    expect(await code(node.governance.createGroup(child))).toBe("already_exists");
    await admit(node, 1, one);
    expect(thrown(() => node.governance.placeFor(newContext(1, { groupId: two })))).toBe("already_exists");
  });

  test("orders calls of one moment", async () => {
    const { governance } = await startNode();
    const root = await governance.createGroup(newGroup);
    const people = Array.from({ length: 20 }, (_, at) => person(50 + at).publicKey);
    await Promise.all(people.map((member) => governance.act(root, [{ type: "MemberAdded", member, role: "Member" }])));
    expect(governance.group(root).group.members.size).toBe(21);
  });
});

describe("signers", () => {
  test("another member acts only where this node holds the key", async () => {
    const { governance, store } = await startNode();
    const root = await governance.createGroup(newGroup);
    await governance.act(root, [{ type: "MemberAdded", member: bob.publicKey, role: "Admin" }]);
    const add = (member: string) => [{ type: "MemberAdded", member, role: "Member" }] as never;
    expect(await code(governance.act(root, add(carol.publicKey), bob.publicKey))).toBe("permission_denied");
    expect(await governance.keepSigningKey(root, bob.secret)).toBe(bob.publicKey);
    expect(await code(governance.act(root, add(carol.publicKey), bob.publicKey))).toBe("ok");
    expect(governance.group(root).group.members.get(carol.publicKey)?.by).toBe(bob.publicKey);
    await store.apply([identityRow(undefined, carol.publicKey, carol.secret)]);
    const signers = createSigners(
      store,
      await openLedger({ store, clock, log: silentLog, applied: () => undefined }),
      alice,
    );
    expect(signers.signerFor(root, carol.publicKey).publicKey).toBe(carol.publicKey);
    expect(await code(governance.keepSigningKey(root, new Uint8Array(31)))).toBe("invalid_argument");
  });
});

describe("invitations", () => {
  test("are joined by an identity of this node, heard of by subscribers, and end", async () => {
    const { governance, store, events } = await startNode();
    const root = await governance.createGroup(newGroup);
    await store.apply([identityRow(undefined, bob.publicKey, bob.secret)]);
    const expiresAtMs = clock.now() + 1000;
    const signed = governance.invite({ groupId: root, expiresAtMs, once: true });
    await governance.join(signed, bob.publicKey);
    expect(governance.standing(root, bob.publicKey)?.role).toBe("Member");
    expect(events.at(-1)).toMatchObject({
      groupId: root,
      event: { type: "MemberJoined", data: { member: bob.publicKey } },
    });
    await store.apply([identityRow(undefined, carol.publicKey, carol.secret)]);
    expect(await code(governance.join(signed, carol.publicKey))).toBe("conflict");
    expect(thrown(() => governance.invite({ groupId: root, expiresAtMs, once: false, requester: bob.publicKey }))).toBe(
      "permission_denied",
    );
    expect(thrown(() => governance.invite({ groupId: root, expiresAtMs: clock.now(), once: false }))).toBe(
      "invalid_argument",
    );
    const elsewhere = { ...signed, invitation: { ...signed.invitation, groupId: groupId(9) } };
    expect(await code(governance.join(elsewhere, carol.publicKey))).toBe("permission_denied");
    const inviterSignature = signText(alice.secret, invitationBytes(elsewhere.invitation));
    expect(await code(governance.join({ ...elsewhere, inviterSignature }, carol.publicKey))).toBe("unavailable");
  });
});
