/** The routes of groups as clients of both generations call them: over HTTP, on real governance. */
import { describe, expect, test } from "vitest";
import { admit, clock } from "./node.ts";
import { alice, applicationId, bob, carol, contextId, groupId } from "./people.ts";
import { accountOf, APPLICATION, createdGroup, ok, startApi } from "./server.ts";

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
