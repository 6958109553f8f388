/** The routes by which people join, prove and upgrade, as clients of both generations call them. */
import { createPublicKey, verify } from "node:crypto";
import { identityRow } from "@shoal/node/context/identities.ts";
import { bytesOf, type GroupId } from "@shoal/node/model/ids.ts";
import { accountHandlers } from "@shoal/node/server/admin/governance/accounts.ts";
import { describe, expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { admit, clock, startNode } from "./node.ts";
import { alice, applicationId, bob, contextId } from "./people.ts";
import { accountOf, APPLICATION, createdGroup, ok, startApi } from "./server.ts";

describe("invitations", () => {
  test("go out as clients carry them, and come back unchanged", async () => {
    const api = await startApi();
    await api.node.store.apply([identityRow(undefined, bob.publicKey, bob.secret)]);
    const id = await createdGroup(api);
    const { data } = await ok<{ data: { invitation: { invitation: object } } }>(
      api.call("POST", `/groups/${id}/invite`, {}),
    );
    const { invitation } = data;
    expect(invitation.invitation).toMatchObject({
      inviter_identity: [...bytesOf(alice.publicKey)],
      group_id: [...Buffer.from(id, "hex")],
      expiration_timestamp: Math.floor(clock.now() / 1000) + 7 * 86_400,
    });
    expect(data).toMatchObject({ groupAlias: "team", groupName: "team" });
    const forged = { ...invitation, invitation: { ...invitation.invitation, expiration_timestamp: 9_999_999_999 } };
    const join = (what: object) => api.call("POST", "/groups/join", { invitation: what, requester: bob.publicKey });
    expect((await join(forged)).status).toBe(403);
    expect(await ok(join(invitation))).toEqual({
      data: { groupId: id, memberIdentity: bob.publicKey, memberAccount: accountOf(bob) },
    });
    expect((await join(invitation)).status).toBe(409);
    expect(await ok(api.call("POST", `/groups/${id}/invite/revoke`, { invitation }))).toEqual({
      data: { revoked: true },
    });
    const late = { expirationTimestamp: Math.floor(clock.now() / 1000) + 400 * 86_400 };
    expect((await api.call("POST", `/groups/${id}/invite`, late)).status).toBe(400);
    expect((await api.call("POST", `/groups/${id}/invite`, { expirationTimestamp: 1 })).status).toBe(400);
  });

  test("reach over a namespace and its groups at once", async () => {
    const api = await startApi();
    await api.node.store.apply([identityRow(undefined, bob.publicKey, bob.secret)]);
    const { data } = await ok<{
      data: { namespaceId: string };
    }>(api.call("POST", "/namespaces", { ...APPLICATION, name: "org" }));
    const id = data.namespaceId;
    const { data: child } = await ok<{
      data: { groupId: string };
    }>(api.call("POST", `/namespaces/${id}/groups`, { groupName: "hr" }));
    const { data: many } = await ok<{
      data: { invitations: { groupId: string; invitation: object; groupName?: string }[] };
    }>(api.call("POST", `/namespaces/${id}/invite`, { recursive: true }));
    expect(many.invitations.map(({ groupId: of, groupName }) => [of, groupName])).toEqual([
      [id, "org"],
      [child.groupId, "hr"],
    ]);
    const invitation = many.invitations[0]?.invitation;
    const body = { invitation, requester: bob.publicKey };
    expect((await api.call("POST", `/namespaces/${child.groupId}/join`, body)).status).toBe(400);
    expect(await ok(api.call("POST", `/namespaces/${id}/join`, body))).toEqual({
      data: { namespaceId: id, groupId: id, memberIdentity: bob.publicKey, memberAccount: accountOf(bob) },
    });
    expect(await ok(api.call("GET", `/namespaces/${id}`))).toMatchObject({
      data: {
        namespaceId: id,
        name: "org",
        memberCount: 2,
        subgroupCount: 1,
        upgradePolicy: "LazyOnAccess",
        appVersion: "1.0.0",
      },
    });
    expect(await ok(api.call("GET", `/namespaces/${id}/groups`))).toEqual({
      data: [{ groupId: child.groupId, name: "hr" }],
    });
    expect(await ok(api.call("GET", `/namespaces/for-application/${applicationId(1)}`))).toMatchObject({
      data: [{ namespaceId: id }],
    });
    expect(await ok(api.call("GET", `/namespaces/for-application/${applicationId(2)}`))).toEqual({ data: [] });
    await ok(api.call("POST", `/namespaces/${id}/leave`, { requester: bob.publicKey }));
    expect((await api.call("GET", `/namespaces/${child.groupId}`)).status).toBe(404);
    expect(await ok(api.call("DELETE", `/namespaces/${id}`, {}))).toEqual({ data: { isDeleted: true } });
    expect(await ok(api.call("GET", "/namespaces"))).toEqual({ data: [] });
  });

  test("to a context let an identity of this node in, which then acts there", async () => {
    const api = await startApi();
    const { store, governance } = api.node;
    await store.apply([identityRow(undefined, bob.publicKey, bob.secret)]);
    await admit(api.node, 1);
    const asked = { contextId: contextId(1), inviterId: alice.publicKey, validForSeconds: 60 };
    const { data: invitation } = await ok<{ data: object }>(api.call("POST", "/contexts/invite", asked));
    const body = { invitation, newMemberPublicKey: bob.publicKey };
    expect(await ok(api.call("POST", "/contexts/join", body))).toEqual({
      data: { contextId: contextId(1), memberPublicKey: bob.publicKey },
    });
    expect(governance.mayExecute(contextId(1), bob.publicKey)).toBe("write");
    const { key } = identityRow(contextId(1), bob.publicKey);
    expect(store.get("identity", key)).toEqual(Uint8Array.from(bob.secret));
  });

  test("by inheritance are written down once", async () => {
    const api = await startApi();
    const id = await createdGroup(api);
    expect(await ok(api.call("POST", `/groups/${id}/join-via-inheritance`, {}))).toEqual({
      data: { groupId: id, memberPublicKey: alice.publicKey, wasInherited: false },
    });
  });
});

describe("proofs of ownership", () => {
  test("verify over the payload's exact bytes, for five minutes at most", async () => {
    const api = await startApi();
    const id = await createdGroup(api);
    await admit(api.node, 1, id as never);
    const claim = {
      audience: "registry",
      subject: "publish",
      nonce: "ab".repeat(16),
      expiresAtMs: clock.now() + 3_600_000,
      contextId: Buffer.from(bytesOf(contextId(1))).toString("hex"),
    };
    const proof = await ok<Record<string, string>>(api.call("POST", `/groups/${id}/issue-ownership-proof`, claim));
    const payload = Buffer.from(proof["signedPayload"] ?? "", "base64");
    expect(JSON.parse(payload.toString())).toMatchObject({ groupId: id, expiresAtMs: clock.now() + 300_000 });
    const raw = Buffer.from(proof["signerPublicKey"] ?? "", "hex");
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    const signed = Buffer.concat([Buffer.from("calimero.ownership-claim.v1\0"), payload]);
    expect(verify(null, signed, key, Buffer.from(proof["signature"] ?? "", "base64"))).toBe(true);
    await ok(api.call("POST", `/groups/${id}/issue-namespace-ownership-proof`, claim));
    const past = { ...claim, expiresAtMs: clock.now() };
    expect((await api.call("POST", `/groups/${id}/issue-ownership-proof`, past)).status).toBe(400);
  });
});

describe("upgrades", () => {
  test("are started, watched, and called back", async () => {
    const api = await startApi();
    const id = await createdGroup(api);
    await admit(api.node, 1, id as never);
    expect(await ok(api.call("GET", `/groups/${id}/upgrade/status`))).toEqual({ data: null });
    const target = { targetApplicationId: applicationId(2), migrateMethod: "migrate" };
    expect(await ok(api.call("POST", `/groups/${id}/upgrade`, target))).toMatchObject({
      data: { groupId: id, status: "in_progress", total: 1, localContextsTotal: 1 },
    });
    const status = await eventually(async () => {
      const { data } = await ok<{
        data: { status: string };
      }>(api.call("GET", `/groups/${id}/upgrade/status`));
      return data.status === "completed" ? data : undefined;
    }, "the upgrade completes");
    expect(status).toMatchObject({ fromVersion: "1.0.0", toVersion: "2.0.0", completed: 1, localContextsSwapped: 1 });
    expect(await ok(api.call("GET", `/groups/${id}/cascade-status`))).toMatchObject({ data: [{ groupId: id }] });
    expect(await ok(api.call("GET", `/groups/${id}/migration-status`))).toMatchObject({
      targetVersion: 2,
      rollup: { migrated: 1, total: 1, allMigrated: true },
      members: [{ peer: alice.publicKey, account: accountOf(alice), state: "migrated" }],
    });
    expect((await api.call("POST", `/groups/${id}/upgrade/retry`, {})).status).toBe(404);
    expect((await api.call("POST", `/groups/${id}/migration/abort`, {})).status).toBe(404);
    expect((await api.call("POST", `/groups/${id}/upgrade`, { targetApplicationId: applicationId(3) })).status).toBe(
      409,
    );
    expect((await api.call("POST", `/groups/${id}/upgrade`, target)).status).toBe(409);
    const lazy = await createdGroup(api, { upgradePolicy: "LazyOnAccess" });
    await admit(api.node, 2, lazy as never);
    await ok(api.call("POST", `/groups/${lazy}/upgrade`, target));
    expect(await ok(api.call("POST", `/groups/${lazy}/migration/abort`, {}))).toEqual({ data: { aborted: true } });
  });
});

test("a device agrees on its node, is linked on the account's by what a person carries, and withdrawn", async () => {
  const api = await startApi();
  const device = await startNode({ account: bob });
  const remote = accountHandlers({ governance: device.governance });
  const { data } = await ok<{ data: { namespaceId: GroupId } }>(api.call("POST", "/namespaces", APPLICATION));
  const params = { namespace: data.namespaceId };
  const init = { params, query: {}, body: { accountRootPublicKey: accountOf(alice) } };
  const { data: paired } = await remote["accounts.pairInit"](init as never);
  expect(paired).toMatchObject({ accountId: accountOf(alice), deviceId: accountOf(bob) });
  expect(device.governance.replica.namespaces()).toEqual([data.namespaceId]);
  const path = `/namespaces/${data.namespaceId}/account`;
  const { accountId: _, ...carried } = paired;
  const altered = { ...carried, statement: "ab".repeat(64) };
  expect((await api.call("POST", `${path}/pair-complete`, altered)).status).toBe(403);
  expect((await api.call("POST", `${path}/pair-complete`, { ...carried, confirmationCode: "00" })).status).toBe(403);
  await ok(api.call("POST", `${path}/pair-complete`, carried));
  expect(await ok(api.call("GET", `/groups/${data.namespaceId}/member-devices`))).toMatchObject({
    data: [{ account: accountOf(alice), devices: [{ isSelf: true }, { deviceId: accountOf(bob), isSelf: false }] }],
  });
  expect((await api.call("POST", `${path}/pair-complete`, carried)).status).toBe(409);
  await ok(api.call("POST", `${path}/revoke`, { deviceId: accountOf(bob) }));
  expect((await api.call("POST", `${path}/revoke`, { deviceId: accountOf(bob) })).status).toBe(404);
});

describe("what takes other nodes", () => {
  test("says so", async () => {
    const api = await startApi();
    const { data } = await ok<{
      data: { namespaceId: string };
    }>(api.call("POST", "/namespaces", APPLICATION));
    await admit(api.node, 1);
    for (const [path, body] of [
      ["/tee/fleet-join", { groupId: data.namespaceId }],
      ["/contexts/invite-specialized-node", { contextId: contextId(1) }],
    ] as const) {
      const answer = await api.call("POST", path, body);
      expect([path, answer.status]).toEqual([path, 503]);
    }
  });
});
