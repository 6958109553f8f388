/** The routes as clients of both generations call them: over HTTP, on real governance. */
import { createPublicKey, verify } from "node:crypto";
import { identityRow } from "@shoal/node/context/identities.ts";
import { bytesOf } from "@shoal/node/model/ids.ts";
import { describe, expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { admit, clock } from "./node.ts";
import { alice, applicationId, bob, carol, contextId, groupId } from "./people.ts";
import { startApi, type TestApi } from "./server.ts";

const accountOf = (who: { readonly publicKey: typeof alice.publicKey }): string =>
  Buffer.from(bytesOf(who.publicKey)).toString("hex");

const APPLICATION = { applicationId: applicationId(1) };

async function createdGroup(api: TestApi, body: object = {}): Promise<string> {
  const { body: answer } = await api.call("POST", "/groups", {
    ...APPLICATION,
    upgradePolicy: "Automatic",
    alias: "team",
    ...body,
  });
  return (answer as { data: { groupId: string } }).data.groupId;
}

/** The body of an answer that is a success; `T` is what the test goes on with. */
async function ok<T extends object = object>(call: ReturnType<TestApi["call"]>): Promise<T> {
  const { status, body } = await call;
  expect(body).not.toHaveProperty("error");
  expect(status).toBe(200);
  return body as T;
}

describe("groups", () => {
  test("are made, listed, shown in the words of both generations, changed and deleted", async () => {
    const api = await startApi();
    const id = await createdGroup(api);
    expect(await ok(api.call("GET", "/groups?limit=5"))).toMatchObject({
      data: [{ groupId: id, alias: "team", name: "team", upgradePolicy: "Automatic" }],
    });
    expect(await ok(api.call("GET", `/groups/${id}`))).toMatchObject({
      data: {
        groupId: id,
        targetApplicationId: applicationId(1),
        memberCount: 1,
        contextCount: 0,
        defaultCapabilities: 4,
        defaultVisibility: "open",
        subgroupVisibility: "open",
        alias: "team",
        metadata: { name: "team", data: {}, updatedBy: accountOf(alice) },
      },
    });
    const policy = { Coordinated: { deadline: { secs: 60, nanos: 0 } } };
    await ok(api.call("PATCH", `/groups/${id}`, { upgradePolicy: policy, requester: alice.publicKey }));
    expect(api.node.governance.group(id as never).group.upgradePolicy).toEqual({
      type: "Coordinated",
      deadlineMs: clock.now() + 60_000,
    });
    await admit(api.node, 1, id as never);
    expect((await api.call("DELETE", `/groups/${id}`, {})).status).toBe(409);
    expect(await ok(api.call("POST", `/groups/${id}/sync`, {}))).toMatchObject({ data: { contextCount: 1 } });
    expect(api.synced).toEqual([contextId(1)]);
    await ok(api.call("POST", `/groups/${id}/contexts/${contextId(1)}/remove`, {}));
    expect(await ok(api.call("DELETE", `/groups/${id}`, {}))).toEqual({ data: { isDeleted: true } });
    expect((await api.call("GET", `/groups/${id}`)).status).toBe(404);
  });

  test("refuse what is no group, no application, no policy", async () => {
    const api = await startApi();
    expect((await api.call("GET", "/groups/xyz")).status).toBe(400);
    expect((await api.call("GET", `/groups/${groupId(9)}`)).status).toBe(404);
    expect((await api.call("POST", "/groups", { applicationId: applicationId(9) })).status).toBe(404);
    expect((await api.call("POST", "/groups", { ...APPLICATION, upgradePolicy: "Sometimes" })).status).toBe(400);
    expect((await api.call("POST", "/groups", { ...APPLICATION, requester: bob.publicKey })).status).toBe(403);
  });

  test("hang together: subgroups, and moving them", async () => {
    const api = await startApi();
    const root = await createdGroup(api);
    const a = await createdGroup(api, { parentGroupId: root, alias: "a" });
    const b = await createdGroup(api, { parentGroupId: root, alias: "b" });
    expect(await ok(api.call("GET", `/groups/${root}/subgroups`))).toMatchObject({
      subgroups: expect.arrayContaining([
        { groupId: a, name: "a" },
        { groupId: b, name: "b" },
      ]),
    });
    expect(await ok(api.call("POST", `/groups/${b}/reparent`, { newParentId: a }))).toEqual({ reparented: true });
    expect(await ok(api.call("GET", `/groups/${a}/subgroups`))).toEqual({ subgroups: [{ groupId: b, name: "b" }] });
    expect((await api.call("POST", `/groups/${a}/reparent`, { newParentId: b })).status).toBe(400);
  });
});

describe("members", () => {
  test("are added by key or account, labelled, empowered and removed", async () => {
    const api = await startApi();
    const id = await createdGroup(api);
    const members = [
      { identity: bob.publicKey, role: "Member" },
      { identity: accountOf(carol), role: "ReadOnly" },
    ];
    await ok(api.call("POST", `/groups/${id}/members`, { members, requester: alice.publicKey }));
    await ok(api.call("PUT", `/groups/${id}/members/${bob.publicKey}/alias`, { alias: "bob" }));
    expect(await ok(api.call("GET", `/groups/${id}/members`))).toMatchObject({
      data: [
        { identity: alice.publicKey, role: "Admin" },
        { identity: bob.publicKey, role: "Member", alias: "bob" },
        { identity: carol.publicKey, role: "ReadOnly" },
      ],
      members: [{ identity: accountOf(alice) }, { identity: accountOf(bob), name: "bob" }, {}],
      selfIdentity: alice.publicKey,
    });
    await ok(api.call("PUT", `/groups/${id}/members/${accountOf(bob)}/capabilities`, { capabilities: 3 }));
    expect(await ok(api.call("GET", `/groups/${id}/members/${bob.publicKey}/capabilities`))).toEqual({
      data: { capabilities: 3 },
    });
    await ok(api.call("PUT", `/groups/${id}/members/${bob.publicKey}/role`, { role: "Admin" }));
    const follow = { autoFollowContexts: false, autoFollowSubgroups: true };
    await ok(api.call("PUT", `/groups/${id}/members/${accountOf(bob)}/auto-follow`, follow));
    expect(await ok(api.call("GET", `/groups/${id}/member-devices`))).toMatchObject({
      data: [{ account: accountOf(alice), devices: [{ isSelf: true }] }, { devices: [{ isSelf: false }] }, {}],
    });
    await ok(api.call("POST", `/groups/${id}/members/remove`, { members: [accountOf(bob), carol.publicKey] }));
    expect((await api.call("POST", `/groups/${id}/leave`, {})).status).toBe(409);
    const demotion = await api.call("PUT", `/groups/${id}/members/${alice.publicKey}/role`, { role: "Member" });
    expect(demotion.status).toBe(409);
    expect(demotion.body).toMatchObject({ error: expect.stringContaining("owner_stays") });
  });

  test("act where this node was given their key", async () => {
    const api = await startApi();
    const id = await createdGroup(api);
    await ok(api.call("POST", `/groups/${id}/members`, { members: [{ identity: bob.publicKey, role: "Admin" }] }));
    const asBob = { members: [{ identity: carol.publicKey, role: "Member" }], requester: bob.publicKey };
    expect((await api.call("POST", `/groups/${id}/members`, asBob)).status).toBe(403);
    const signingKey = Buffer.from(bob.secret).toString("hex");
    expect(await ok(api.call("POST", `/groups/${id}/signing-key`, { signingKey }))).toEqual({
      data: { publicKey: bob.publicKey },
    });
    await ok(api.call("POST", `/groups/${id}/members`, asBob));
  });
});

describe("contexts of a group", () => {
  test("are listed, restricted, opened to some, and joined", async () => {
    const api = await startApi();
    const id = await createdGroup(api);
    await ok(api.call("POST", `/groups/${id}/members`, { members: [{ identity: bob.publicKey, role: "Member" }] }));
    await admit(api.node, 1, id as never);
    const at = `/groups/${id}/contexts/${contextId(1)}`;
    await ok(api.call("PUT", `${at}/metadata`, { name: "chat", data: { topic: "fish" } }));
    expect(await ok(api.call("GET", `/groups/${id}/contexts`))).toEqual({
      data: [{ contextId: contextId(1), alias: "chat", name: "chat" }],
    });
    expect(await ok(api.call("GET", `${at}/metadata`))).toMatchObject({ data: { data: { topic: "fish" } } });
    await ok(api.call("PUT", `${at}/visibility`, { mode: "restricted", requester: alice.publicKey }));
    expect(await ok(api.call("GET", `${at}/visibility`))).toEqual({
      data: { mode: "restricted", creator: alice.publicKey },
    });
    await ok(api.call("POST", `${at}/allowlist`, { add: [bob.publicKey], remove: [] }));
    expect(await ok(api.call("GET", `${at}/allowlist`))).toEqual({ data: [alice.publicKey, bob.publicKey] });
    const right = { granterId: alice.publicKey, granteeId: bob.publicKey, capability: "ManageMembers" };
    await ok(api.call("POST", `/contexts/${contextId(1)}/capabilities/grant`, { contextId: contextId(1), ...right }));
    const { granterId: revokerId, granteeId: revokeeId, capability } = right;
    await ok(api.call("POST", `/contexts/${contextId(1)}/capabilities/revoke`, { revokerId, revokeeId, capability }));
    expect(await ok(api.call("POST", `/groups/${id}/join-context`, { contextId: contextId(1) }))).toEqual({
      data: { contextId: contextId(1), memberPublicKey: alice.publicKey },
    });
  });
});

describe("settings", () => {
  test("are set one by one and read back", async () => {
    const api = await startApi();
    const id = await createdGroup(api);
    const settings = `/groups/${id}/settings`;
    await ok(api.call("PUT", `${settings}/default-capabilities`, { defaultCapabilities: 5 }));
    await ok(api.call("PUT", `${settings}/default-visibility`, { defaultVisibility: "restricted" }));
    await ok(api.call("PUT", `${settings}/subgroup-visibility`, { subgroupVisibility: "restricted" }));
    await ok(api.call("PUT", `/groups/${id}/alias`, { alias: "crew" }));
    expect(await ok(api.call("GET", `/groups/${id}`))).toMatchObject({
      data: {
        defaultCapabilities: 5,
        defaultVisibility: "restricted",
        subgroupVisibility: "restricted",
        alias: "crew",
      },
    });
    const policy = {
      allowedMrtd: ["AB".repeat(48)],
      allowedRtmr0: [],
      allowedRtmr1: ["cd".repeat(48)],
      allowedRtmr2: [],
      allowedRtmr3: [],
      allowedTcbStatuses: ["UpToDate"],
      acceptMock: true,
    };
    await ok(api.call("PUT", `${settings}/tee-admission-policy`, policy));
    expect(await ok(api.call("GET", `${settings}/tee-admission-policy`))).toEqual({
      data: { ...policy, allowedMrtd: ["ab".repeat(48)] },
    });
    expect(await ok(api.call("GET", `/groups/${id}/members/${alice.publicKey}/metadata`))).toEqual({ data: null });
    await ok(api.call("PUT", `/groups/${id}/members/${alice.publicKey}/metadata`, { name: "al", data: { a: "b" } }));
    await ok(api.call("PUT", `/groups/${id}/metadata`, { data: { x: "y" } }));
    expect(await ok(api.call("GET", `/groups/${id}/metadata`))).toMatchObject({
      data: { name: "crew", data: { x: "y" }, updatedAt: Math.floor(clock.now() / 1000) },
    });
  });
});

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

describe("what takes other nodes", () => {
  test("says so", async () => {
    const api = await startApi();
    const { data } = await ok<{
      data: { namespaceId: string };
    }>(api.call("POST", "/namespaces", APPLICATION));
    await admit(api.node, 1);
    const account = `/namespaces/${data.namespaceId}/account`;
    const key = "ab".repeat(32);
    const device = {
      deviceId: key,
      kemPublicKey: key,
      signPublicKey: key,
      statement: key + key,
      confirmationCode: "7BC0",
    };
    for (const [path, body] of [
      [`${account}/pair-init`, { accountRootPublicKey: key }],
      [`${account}/pair-complete`, device],
      [`${account}/revoke`, { deviceId: key }],
      ["/tee/fleet-join", { groupId: data.namespaceId }],
      ["/contexts/invite-specialized-node", { contextId: contextId(1) }],
    ] as const) {
      const answer = await api.call("POST", path, body);
      expect([path, answer.status]).toEqual([path, 503]);
    }
  });
});
