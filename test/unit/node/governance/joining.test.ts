/** Getting in from elsewhere: invitations shown to other nodes, logs that are brought, contexts that follow, devices. */
import type { GroupId } from "@shoal/node/model/ids.ts";
import { signText } from "@shoal/node/governance/crypto.ts";
import type { Joiner, SignedInvitation } from "@shoal/node/governance/contract.ts";
import { parseInvitation } from "@shoal/node/governance/invitations.ts";
import { deviceBytes, invitationBytes } from "@shoal/node/governance/rules/signing-bytes.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { describe, expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { level, newGroup, opsOf, standOf, team } from "./exchange.ts";
import { admit, clock, newContext, startNode, type TestNode } from "./node.ts";
import { add, alice, bob, carol, contextId, dave, remove } from "./people.ts";

const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "ok",
    (thrown: unknown) => (thrown as { code?: string }).code,
  );

/** As a network would: shows the invitation to a node, and carries what that lets be seen. */
function bringingFrom(host: () => TestNode, self: () => TestNode): Joiner & { shown: SignedInvitation[] } {
  const shown: SignedInvitation[] = [];
  return {
    shown,
    async bring(invitation) {
      shown.push(invitation);
      const passed = parseInvitation(JSON.stringify(invitation));
      const { replica } = self().governance;
      const id = host().governance.replica.mayShow(passed, self().governance.account);
      if (id === undefined) throw Object.assign(new Error("nobody shows it"), { code: "unavailable" });
      await replica.expect(id, passed.invitation.genesis);
      await replica.receive(id, await opsOf(host(), id));
    },
  };
}

async function guestOf(
  host: TestNode,
  account = bob,
): Promise<{ guest: TestNode; joiner: ReturnType<typeof bringingFrom> }> {
  const nodes: { guest?: TestNode } = {};
  const self = (): TestNode => {
    if (nodes.guest === undefined) throw new Error("the guest is not up");
    return nodes.guest;
  };
  const joiner = bringingFrom(() => host, self);
  nodes.guest = await startNode({ account, joiner });
  return { guest: nodes.guest, joiner };
}

const inAnHour = (): number => clock.now() + 3_600_000;

describe("a group that only others have", () => {
  test("is joined with its log, its keys and its contexts, without doing anything more", async () => {
    const host = await startNode({ addresses: ["/ip4/127.0.0.1/tcp/1/p2p/x"] });
    const id = await host.governance.createGroup(newGroup);
    await admit(host, 1, id);
    const signed = host.governance.invite({ groupId: id, expiresAtMs: inAnHour(), once: true });
    expect(signed.peers).toEqual(["/ip4/127.0.0.1/tcp/1/p2p/x"]);
    const { guest, joiner } = await guestOf(host);
    let follows = 0;
    guest.governance.replica.onFollow(() => (follows += 1));
    const told: boolean[] = [];
    guest.governance.replica.onOps(({ own, ops }) => void (ops.length > 0 && told.push(own)));
    await guest.governance.join(signed);
    expect(joiner.shown).toHaveLength(1);
    expect(guest.governance.replica.toFollow()).toEqual([contextId(1)]);
    expect(follows).toBeGreaterThan(0);
    expect(told).toEqual([false, true]);
    const { invitation, inviterSignature } = signed;
    expect(guest.governance.replica.invitationOf(id)).toEqual({ invitation, inviterSignature });
    expect(host.governance.replica.belongs(id, bob.publicKey)).toBe(false);
    await level(id, host, guest);
    expect(host.governance.replica.belongs(id, bob.publicKey)).toBe(true);
    expect(standOf(guest, id)).toBe(standOf(host, id));
    expect(guest.governance.replica.lacksKeys(id)).toBe(false);
    await host.governance.act(id, [remove(bob)]);
    await level(id, host, guest);
    expect(guest.governance.replica.toFollow()).toEqual([]);
    expect((await guest.restart()).governance.replica.toFollow()).toEqual([]);
  });

  test("is shown for an invitation that is good, and for no other", async () => {
    const host = await startNode();
    const id = await host.governance.createGroup(newGroup);
    await host.governance.act(id, [add(dave)]);
    const may = (signed: SignedInvitation, who = bob): GroupId | undefined =>
      host.governance.replica.mayShow(signed, who.publicKey);
    const invite = (more: object = {}): SignedInvitation =>
      host.governance.invite({ groupId: id, expiresAtMs: inAnHour(), once: false, ...more });
    const good = invite();
    expect(may(good)).toBe(id);
    expect(may({ ...good, invitation: { ...good.invitation, expiresAtMs: inAnHour() + 1 } })).toBeUndefined();
    const forged = { ...good.invitation, inviter: dave.publicKey };
    expect(may({ invitation: forged, inviterSignature: good.inviterSignature })).toBeUndefined();
    const powerless = { invitation: forged, inviterSignature: signText(dave.secret, invitationBytes(forged)) };
    await host.governance.act(id, [{ type: "MemberCapabilitySet", member: dave.publicKey, capabilities: 0 }]);
    expect(may(powerless)).toBeUndefined();
    expect(may(invite({ invitee: bob.publicKey }))).toBe(id);
    expect(may(invite({ invitee: bob.publicKey }), carol)).toBeUndefined();
    const short = invite({ expiresAtMs: clock.now() + 1000 });
    await clock.advance(milliseconds(1000));
    expect(may(short)).toBeUndefined();
    await host.governance.revoke(id, good.invitation);
    expect(may(good)).toBeUndefined();
    for (const json of ["", "null", "{}", JSON.stringify({ ...good, inviterSignature: 1 })]) {
      expect(() => parseInvitation(json)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    }
    const { guest } = await guestOf(host);
    expect(await code(guest.governance.join(good))).toBe("unavailable");
    expect(await code(guest.governance.join(short))).toBe("permission_denied");
    expect(await code((await startNode({ account: carol })).governance.join(invite()))).toBe("unavailable");
  });

  test("takes one of two who use an invitation for one at once, the same everywhere", async () => {
    const host = await startNode();
    const id = await host.governance.createGroup(newGroup);
    const signed = host.governance.invite({ groupId: id, expiresAtMs: inAnHour(), once: true });
    const [one, two] = [await guestOf(host, bob), await guestOf(host, carol)];
    await one.guest.governance.join(signed);
    await two.guest.governance.join(signed);
    await level(id, host, one.guest, two.guest);
    const members = [bob, carol].filter((who) => host.governance.replica.belongs(id, who.publicKey));
    expect(members).toHaveLength(1);
    for (const { guest } of [one, two]) expect(standOf(guest, id)).toBe(standOf(host, id));
  });
});

describe("contexts", () => {
  test("are followed as the member wishes, not after a person let go, and open subgroups are joined", async () => {
    const { id, nodes } = await team([alice, bob]);
    const [a, b] = nodes as [TestNode, TestNode];
    await admit(a, 1, id);
    await a.governance.act(id, [{ type: "MemberRoleSet", member: bob.publicKey, role: "Member" }]);
    await level(id, a, b);
    const follows = (node: TestNode) => node.governance.replica.toFollow();
    expect(follows(b)).toEqual([contextId(1)]);
    await b.governance.release(contextId(1), (rows) => b.store.apply(rows));
    expect(follows(await b.restart())).toEqual([]);
    const c = await startNode({ account: bob });
    await level(id, a, c);
    expect(follows(c)).toEqual([contextId(1)]);
    const none = { contexts: false, subgroups: true };
    await c.governance.act(id, [{ type: "MemberSetAutoFollow", member: bob.publicKey, autoFollow: none }]);
    expect(follows(c)).toEqual([]);
    await c.governance.joinContext(contextId(1));
    expect(follows(c)).toEqual([contextId(1)]);
    await level(id, a, c);
    const child = await a.governance.createGroup({ ...newGroup, parentId: id });
    await a.governance.admit(newContext(2, { groupId: child }), (rows) => a.store.apply(rows));
    await level(id, a, c);
    await eventually(() => c.governance.group(child).group.members.has(bob.publicKey) || undefined, "it joins");
    expect(follows(c)).toEqual([contextId(1), contextId(2)].sort());
    await c.governance.act(child, [{ type: "MemberLeft" }]);
    await c.governance.act(id, [{ type: "GroupAliasSet", alias: "x" }]).catch(() => undefined);
    await level(id, a, c);
    expect(c.governance.group(child).group.members.has(bob.publicKey)).toBe(false);
  });
});

test("a device acts for its account until it is unlinked, and reads nothing after", async () => {
  const { id, nodes } = await team([alice, bob]);
  const [a, b] = nodes as [TestNode, TestNode];
  await a.governance.admit(newContext(1, { groupId: id }), (rows) => a.store.apply(rows));
  const device = await startNode({ account: carol });
  const proof = signText(carol.secret, deviceBytes(id, bob.publicKey));
  await level(id, a, b);
  await b.governance.act(id, [{ type: "AccountDeviceLinked", device: carol.publicKey, proof }]);
  await level(id, a, b, device);
  expect(a.governance.replica.belongs(id, carol.publicKey)).toBe(true);
  expect(device.governance.mayExecute(contextId(1), carol.publicKey)).toBe("write");
  expect(device.governance.replica.toFollow()).toEqual([contextId(1)]);
  const scope = { type: "namespace", namespaceId: id } as const;
  const aad = Buffer.from("x");
  const word = await a.governance.replica.seal(scope, aad, aad);
  expect(device.governance.replica.open(scope, word, aad)).toBeDefined();
  await b.governance.act(id, [{ type: "AccountDeviceUnlinked", device: carol.publicKey }]);
  await level(id, a, b, device);
  const next = await a.governance.replica.seal(scope, aad, aad);
  await level(id, a, b, device);
  expect(device.governance.replica.open(scope, next, aad)).toBeUndefined();
  expect(b.governance.replica.open(scope, next, aad)).toBeDefined();
  expect(device.governance.mayExecute(contextId(1), carol.publicKey)).toBe("none");
});
