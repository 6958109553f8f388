/** Keys that gossip is sealed with: who opens what, before and after somebody is removed. */
import { boxFor, keyIdOf, openBox, openWith, sealWith } from "@shoal/node/governance/keyring/sealing.ts";
import type { Sealed } from "@shoal/node/governance/replication.ts";
import { parseOp } from "@shoal/node/governance/rules/parse.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { describe, expect, test } from "vitest";
import { carry, level, opsOf, orders, team } from "./exchange.ts";
import { newContext, startNode, type TestNode } from "./node.ts";
import { add, alice, bob, carol, contextId, dave, remove } from "./people.ts";

const AAD = Buffer.from("topic");
const SECRET = Buffer.from("what was said");
const scopeOf = (namespaceId: Awaited<ReturnType<typeof team>>["id"]) => ({ type: "namespace", namespaceId }) as const;
const inContext = { type: "context", contextId: contextId(1) } as const;

type Scope = Parameters<TestNode["governance"]["replica"]["open"]>[0];

const seal = (node: TestNode, scope: Scope): Promise<Sealed> => node.governance.replica.seal(scope, SECRET, AAD);
const opens = (node: TestNode, scope: Scope, sealed: Sealed): boolean =>
  node.governance.replica.open(scope, sealed, AAD) !== undefined;

/** Whether any key on the node's disk opens it: what a member may do who asks nobody. */
async function opensAtAll(node: TestNode, sealed: Sealed): Promise<boolean> {
  for await (const [, value] of node.store.scan("group")) {
    if (value.length !== 32) continue;
    try {
      openWith(value, sealed, AAD);
      return true;
    } catch {
      // Another key, or none.
    }
  }
  return false;
}

test("a box is opened by its recipient only, and a payload by its key with what it is bound to", () => {
  const random = seeded(3);
  const key = random.bytes(32);
  const box = boxFor(bob.publicKey, key, random);
  if (box === undefined) throw new Error("no box");
  expect(openBox(bob, box)).toEqual(key);
  expect(openBox(carol, box)).toBeUndefined();
  expect(openBox(bob, box.subarray(1))).toBeUndefined();
  const sealed = sealWith(key, SECRET, AAD, random);
  expect(sealed.keyId).toEqual(keyIdOf(key));
  expect(openWith(key, sealed, AAD)).toEqual(Uint8Array.from(SECRET));
  expect(() => openWith(key, sealed, Buffer.from("other"))).toThrow("does not open");
  expect(() => openWith(key, { ...sealed, ciphertext: sealed.ciphertext.subarray(1) }, AAD)).toThrow("does not open");
  expect(() => openWith(key, { ...sealed, nonce: sealed.nonce.subarray(1) }, AAD)).toThrow("does not open");
});

describe("a group's key", () => {
  test("is made with the group, given to members who ask, and kept over a restart", async () => {
    const { id, nodes } = await team([alice, bob]);
    const [a, b] = nodes as [TestNode, TestNode];
    const sealed = await seal(a, scopeOf(id));
    expect(opens(b, scopeOf(id), sealed)).toBe(true);
    expect(opens(await b.restart(), scopeOf(id), sealed)).toBe(true);
    const late = await startNode({ account: carol });
    await a.governance.act(id, [add(carol)]);
    await carry(a, late, id);
    expect(late.governance.replica.lacksKeys(id)).toBe(true);
    expect(opens(late, scopeOf(id), sealed)).toBe(false);
    await expect(seal(late, scopeOf(id))).rejects.toMatchObject({ code: "unavailable" });
    const boxes = await a.governance.replica.boxesFor(id, carol.publicKey);
    const forged = boxes.map((each) => ({ ...each, keyId: new Uint8Array(32) }));
    expect(await late.governance.replica.keepBoxes(forged)).toBe(0);
    expect(await late.governance.replica.keepBoxes(boxes)).toBe(boxes.length);
    expect(await late.governance.replica.keepBoxes(boxes)).toBe(0);
    expect(late.governance.replica.lacksKeys(id)).toBe(false);
    expect(opens(late, scopeOf(id), sealed)).toBe(true);
    expect(await a.governance.replica.boxesFor(id, dave.publicKey)).toEqual([]);
    await expect(seal(await startNode({ account: dave }), scopeOf(id))).rejects.toMatchObject({
      code: "permission_denied",
    });
  });

  test("changes with a removal, in the same call", async () => {
    const { id, nodes } = await team([alice, bob, carol]);
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode];
    await a.governance.act(id, [remove(carol)]);
    const ops = (await opsOf(a, id)).map(parseOp);
    const after = ops.slice(ops.findIndex(({ action }) => action.type === "MemberRemoved"));
    expect(after.map(({ action }) => action.type)).toEqual(["MemberRemoved", "GroupKeyRotated"]);
    await level(id, a, b, c);
    const sealed = await seal(b, scopeOf(id));
    expect(opens(a, scopeOf(id), sealed)).toBe(true);
    expect(await opensAtAll(c, sealed)).toBe(false);
    expect(await a.governance.replica.boxesFor(id, carol.publicKey)).toEqual([]);
  });

  test("changes before the next word once somebody has left who was given it later", async () => {
    const { id, nodes } = await team([alice, bob]);
    const [a, b] = nodes as [TestNode, TestNode];
    const late = await startNode({ account: carol });
    await a.governance.act(id, [add(carol)]);
    await level(id, a, b, late);
    expect(opens(late, scopeOf(id), await seal(b, scopeOf(id)))).toBe(true);
    await late.governance.act(id, [{ type: "MemberLeft" }]);
    await level(id, a, b, late);
    const sealed = await seal(b, scopeOf(id));
    await level(id, a, b, late);
    expect(opens(a, scopeOf(id), sealed)).toBe(true);
    expect(await opensAtAll(late, sealed)).toBe(false);
  });

  test("is replaced where the box of a member does not hold it", async () => {
    const { id, nodes } = await team([alice, bob]);
    const [a, b] = nodes as [TestNode, TestNode];
    const junk = boxFor(alice.publicKey, new Uint8Array(32), seeded(4))!;
    const boxes = { [alice.publicKey]: Buffer.from(junk).toString("base64") };
    await b.governance.act(id, [{ type: "GroupKeyRotated", scope: id, keyId: "ab".repeat(32), boxes }]);
    await level(id, a, b);
    const sealed = await seal(a, scopeOf(id));
    await level(id, a, b);
    expect(opens(b, scopeOf(id), sealed)).toBe(true);
  });
});

test("nobody who was removed opens what is sealed afterwards, whichever of two removals and their keys comes first", async () => {
  for (const order of orders([0, 1, 2, 3])) {
    const { id, nodes } = await team([alice, bob, carol, dave]);
    const [a, b, c, d] = nodes as [TestNode, TestNode, TestNode, TestNode];
    // Two admins remove one each, at once.
    await a.governance.act(id, [remove(carol)]);
    await b.governance.act(id, [remove(dave)]);
    const steps = [
      () => carry(a, b, id),
      () => carry(b, a, id),
      () => carry(a, c, id).then(() => carry(b, c, id)),
      () => carry(b, d, id).then(() => carry(a, d, id)),
    ];
    for (const at of order) await steps[at]?.();
    const words = [await seal(a, scopeOf(id)), await seal(b, scopeOf(id))];
    await level(id, a, b, c, d);
    words.push(await seal(a, scopeOf(id)), await seal(b, scopeOf(id)));
    await level(id, a, b, c, d);
    for (const word of words) {
      expect(opens(a, scopeOf(id), word)).toBe(true);
      expect(opens(b, scopeOf(id), word)).toBe(true);
      expect(await opensAtAll(c, word)).toBe(false);
      expect(await opensAtAll(d, word)).toBe(false);
    }
    for (const node of nodes) await node.governance.close();
  }
});

test("a restricted context has a key of its own, for who may enter it", async () => {
  const { id, nodes } = await team([alice, bob, carol]);
  const [a, b, c] = nodes as [TestNode, TestNode, TestNode];
  await a.governance.act(id, [
    { type: "MemberRoleSet", member: bob.publicKey, role: "Member" },
    { type: "MemberRoleSet", member: carol.publicKey, role: "Member" },
  ]);
  await a.governance.admit(newContext(1, { groupId: id }), (rows) => a.store.apply(rows));
  await a.governance.act(id, [
    { type: "ContextVisibilitySet", contextId: contextId(1), visibility: "Restricted" },
    { type: "ContextAllowlistReplaced", contextId: contextId(1), members: [alice.publicKey, bob.publicKey] },
  ]);
  const sealed = await seal(a, inContext);
  await level(id, a, b, c);
  expect(opens(b, inContext, sealed)).toBe(true);
  expect(await opensAtAll(c, sealed)).toBe(false);
  await expect(seal(c, inContext)).rejects.toMatchObject({ code: "permission_denied" });
  await a.governance.act(id, [
    { type: "ContextAllowlistReplaced", contextId: contextId(1), members: [alice.publicKey] },
  ]);
  const next = await seal(a, inContext);
  await level(id, a, b, c);
  expect(await opensAtAll(b, next)).toBe(false);
});

test("a restricted context in a group made for it shares its key with nobody who may not enter", async () => {
  const a = await startNode();
  await a.governance.admit(newContext(1), (rows) => a.store.apply(rows));
  const id = a.governance.groupOf(contextId(1))!;
  await a.governance.act(id, [add(bob), add(carol)]);
  await a.governance.act(id, [
    { type: "ContextVisibilitySet", contextId: contextId(1), visibility: "Restricted" },
    { type: "ContextAllowlistReplaced", contextId: contextId(1), members: [alice.publicKey, bob.publicKey] },
  ]);
  const [b, c] = [await startNode({ account: bob }), await startNode({ account: carol })];
  const sealed = await seal(a, inContext);
  await level(id, a, b, c);
  expect(opens(b, inContext, sealed)).toBe(true);
  expect(await opensAtAll(c, sealed)).toBe(false);
});
