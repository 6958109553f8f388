/** Every route of auth, and what its callers may reach. */
import { decodeJwt } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { Secret } from "@shoal/shared/base/secret.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import { ADMIN, judged, world, type Pair, type World } from "./harness.ts";

let w: World;
let admin: Pair;
let adminId: string;
beforeAll(async () => {
  w = await world();
  admin = await w.tokens();
  adminId = subOf(admin);
});

const subOf = (pair: Pair): string => decodeJwt(pair.access_token).sub ?? "";
const newUser = (username: string, permissions?: readonly string[]): object => ({
  public_key: `key of ${username}`,
  auth_method: "user_password",
  provider_data: { username, password: `password of ${username}` },
  ...(permissions === undefined ? {} : { permissions }),
});
/** A user with these permissions, signed in. */
async function user(name: string, permissions: readonly string[]): Promise<Pair> {
  await w.call("POST", "/admin/keys", { token: admin.access_token, body: newUser(name, permissions) });
  return w.tokens({ provider_data: { username: name, password: `password of ${name}` } });
}

const ROUTES: readonly [method: string, path: string, needs: string][] = [
  ["POST", "/admin/revoke", "keys:delete"],
  ["GET", "/admin/keys", "keys:list"],
  ["POST", "/admin/keys", "keys:create"],
  ["DELETE", `/admin/keys/${"0".repeat(32)}`, "keys:delete"],
  ["GET", "/admin/keys/clients", "keys:clients:list"],
  ["POST", "/admin/client-key", "keys:create"],
  ["DELETE", `/admin/keys/${"0".repeat(32)}/clients/${"0".repeat(32)}`, "keys:clients:delete"],
  ["GET", `/admin/keys/${"0".repeat(32)}/permissions`, "keys:permissions:get"],
  ["PUT", `/admin/keys/${"0".repeat(32)}/permissions`, "keys:permissions:update"],
  ["GET", "/admin/metrics", "admin"],
];

describe("each admin route", () => {
  it.each([...ROUTES, ["GET", "/admin/identity", ""] as const])("%s %s asks for a token", async (method, path) => {
    const { status, data, error, headers } = await w.call(method, path);
    expect([status, data, headers.get("x-auth-error")]).toEqual([401, null, "missing_token"]);
    expect(error).not.toBe(null);
  });

  it("asks for its permission, and for nothing else", async () => {
    const others = ROUTES.map(([, , needs]) => needs);
    for (const [method, path, needs] of ROUTES) {
      const without = await w.client(admin, {
        permissions: ["context", ...new Set(others.filter((each) => each !== needs && each !== "admin"))],
      });
      const refused = await w.call(method, path, {
        token: without.access_token,
        body: method === "GET" ? undefined : {},
      });
      expect([path, refused.status, refused.headers.get("x-auth-error")]).toEqual([path, 403, "permission_denied"]);
      const having = await w.client(admin, { permissions: [needs] });
      const admitted = await w.call(method, path, {
        token: having.access_token,
        body: method === "GET" ? undefined : {},
      });
      expect([200, 400, 404], path).toContain(admitted.status);
    }
  });
});

describe("keys", () => {
  it("are made, listed, told of and revoked", async () => {
    const made = await w.call("POST", "/admin/keys", { token: admin.access_token, body: newUser("bob") });
    const { key_id: id } = made.data as { key_id: string };
    expect(made.data).toMatchObject({ public_key: "key of bob", auth_method: "user_password", revoked_at: null });
    const bob = { provider_data: { username: "bob", password: "password of bob" } };
    const pair = await w.tokens(bob);
    expect(subOf(pair)).toBe(id);

    const listed = await w.call("GET", "/admin/keys", { token: pair.access_token });
    expect((listed.data as { key_id: string }[]).map(({ key_id: each }) => each).sort()).toEqual([adminId, id].sort());
    expect((await w.call("DELETE", `/admin/keys/${id}`, { token: admin.access_token })).data).toMatchObject({
      key_id: id,
      is_valid: false,
    });
    expect(await judged(w, pair.access_token)).toBe("token_revoked");
    expect((await w.login(bob)).status).toBe(401);
    // The name is free again, and the new key has nothing to do with the old one.
    await w.call("POST", "/admin/keys", { token: admin.access_token, body: newUser("bob") });
    expect(subOf(await w.tokens(bob))).not.toBe(id);
    expect(await judged(w, pair.access_token)).toBe("token_revoked");
  });

  it.each([
    ["a taken name", newUser("ada"), 409],
    ["a short password", { ...newUser("x"), provider_data: { username: "x", password: "1234567" } }, 400],
    ["a long password", { ...newUser("x"), provider_data: { username: "x", password: "1".repeat(129) } }, 400],
    ["no name", { ...newUser("x"), provider_data: { username: "", password: "12345678" } }, 400],
    [
      "a name with a control character",
      { ...newUser("x"), provider_data: { username: "a\u0000b", password: "12345678" } },
      400,
    ],
    ["another method", { ...newUser("x"), auth_method: "near_wallet" }, 400],
    ["no permission at all", newUser("x", []), 400],
    ["a permission that is none", newUser("x", ["everything"]), 400],
    ["a node that is no URL", { ...newUser("x"), target_node_url: "node" }, 400],
  ])("are not made with %s", async (_what, body, status) => {
    const refused = await w.call("POST", "/admin/keys", { token: admin.access_token, body });
    expect([refused.status, refused.data]).toEqual([status, null]);
  });

  it("of the last administrator stay", async () => {
    const alone = await world();
    const token = (await alone.tokens()).access_token;
    const id = decodeJwt(token).sub;
    expect((await alone.call("DELETE", `/admin/keys/${id}`, { token })).status).toBe(409);
    const body = { add: ["blob"], remove: ["admin"] };
    expect((await alone.call("PUT", `/admin/keys/${id}/permissions`, { token, body })).status).toBe(409);
    expect(await judged(alone, token, "admin")).toBe("ok");
    await alone.call("POST", "/admin/keys", { token, body: newUser("second") });
    expect((await alone.call("DELETE", `/admin/keys/${id}`, { token })).status).toBe(200);
  });
});

describe("client keys", () => {
  it("may what their context and identity may, hang on their root, and are revoked", async () => {
    const client = await w.client(admin, {
      context_id: "ctx",
      context_identity: "me",
      target_node_url: "http://node.test",
    });
    const clientId = subOf(client);
    expect(decodeJwt(client.access_token)).toMatchObject({
      permissions: ["context[ctx,me]"],
      node_url: "http://node.test",
    });
    const listed = (await w.call("GET", "/admin/keys/clients", { token: admin.access_token })).data as {
      client_id: string;
    }[];
    expect(listed.find((each) => each.client_id === clientId)).toMatchObject({
      root_key_id: adminId,
      permissions: ["context[ctx,me]"],
      is_valid: true,
    });
    const path = `/admin/keys/${adminId}/clients/${clientId}`;
    expect(
      (await w.call("DELETE", `/admin/keys/${"0".repeat(32)}/clients/${clientId}`, { token: admin.access_token }))
        .status,
    ).toBe(404);
    expect((await w.call("DELETE", path, { token: admin.access_token })).status).toBe(200);
    expect(await judged(w, client.access_token, undefined)).toBe("token_revoked");
  });

  it("of one second are two", async () => {
    const [one, two] = await Promise.all([
      w.client(admin, { permissions: ["blob"] }),
      w.client(admin, { permissions: ["blob"] }),
    ]);
    expect(subOf(one)).not.toBe(subOf(two));
  });

  it("end with the root key above them", async () => {
    const root = await user("carol", ["keys:create", "blob"]);
    const client = await w.client(root, { permissions: ["blob:get"] });
    expect(await judged(w, client.access_token, "blob:get")).toBe("ok");
    await w.call("DELETE", `/admin/keys/${subOf(root)}`, { token: admin.access_token });
    expect(await judged(w, client.access_token, "blob:get")).toBe("token_revoked");
  });

  it("lose what the root key above them loses", async () => {
    const root = await user("dora", ["keys:create", "blob", "package"]);
    const client = await w.client(root, { permissions: ["blob:get"] });
    const path = `/admin/keys/${subOf(root)}/permissions`;
    await w.call("PUT", path, { token: admin.access_token, body: { remove: ["blob"] } });
    expect(await judged(w, client.access_token, "blob:get")).toBe("permission_denied");
  });

  it("make children of the same root, never beyond themselves", async () => {
    const client = await w.client(admin, { permissions: ["keys:create", "blob"] });
    const child = await w.client(client, { permissions: ["blob:get"] });
    expect(await judged(w, child.access_token, "blob:get")).toBe("ok");
    await expect(w.client(client, { permissions: ["package"] })).rejects.toThrow(/403/);
    await expect(w.client(client, { context_id: "c", context_identity: "i" })).rejects.toThrow(/403/);
  });

  it("take no id that would change the meaning of their permission", async () => {
    for (const id of ["a,b", "*", "a]", "a b"])
      await expect(w.client(admin, { context_id: id, context_identity: "i" })).rejects.toThrow(/400/);
  });
});

describe("nobody reaches beyond themselves", () => {
  it.each([
    ["a user who may everything", newUser("mallory")],
    ["a user with one permission more", newUser("mallory", ["keys", "context"])],
  ])("by making %s", async (_what, body) => {
    const keeper = await user(`keeper ${Math.random()}`, ["keys", "blob"]);
    const refused = await w.call("POST", "/admin/keys", { token: keeper.access_token, body });
    expect([refused.status, refused.headers.get("x-auth-error")]).toEqual([403, "permission_denied"]);
  });

  it("by changing a key: their own, or one that has more", async () => {
    const keeper = await user("keeper", ["keys", "blob"]);
    const token = keeper.access_token;
    const own = `/admin/keys/${subOf(keeper)}/permissions`;
    expect((await w.call("PUT", own, { token, body: { add: ["admin"] } })).status).toBe(403);
    expect((await w.call("PUT", own, { token, body: { add: ["blob:get"] } })).status).toBe(200);
    const theirs = `/admin/keys/${adminId}/permissions`;
    expect((await w.call("PUT", theirs, { token, body: { add: ["blob"], remove: ["admin"] } })).status).toBe(403);
    expect((await w.call("DELETE", `/admin/keys/${adminId}`, { token })).status).toBe(403);
    expect((await w.call("POST", "/admin/revoke", { token, body: { client_id: adminId } })).status).toBe(403);
    expect((await w.call("GET", theirs, { token })).data).toEqual({ permissions: ["admin"] });
  });
});

it("whoever is revoked while a password is hashed makes no user any more", async () => {
  const keeper = await user("late keeper", ["keys", "blob"]);
  const creation = w.call("POST", "/admin/keys", { token: keeper.access_token, body: newUser("too late", ["blob"]) });
  await w.call("DELETE", `/admin/keys/${subOf(keeper)}`, { token: admin.access_token });
  expect((await creation).headers.get("x-auth-error")).toBe("token_revoked");
  const credentials = { username: "too late", password: "password of too late" };
  expect((await w.login({ provider_data: credentials })).status).toBe(401);
});

describe("revoking tokens", () => {
  it("of a root key ends its sign-ins, and leaves the user", async () => {
    const pair = await user("frank", ["blob"]);
    expect(
      (await w.call("POST", "/admin/revoke", { token: admin.access_token, body: { client_id: subOf(pair) } })).data,
    ).toEqual({
      success: true,
      message: "Tokens revoked successfully",
    });
    expect(await judged(w, pair.access_token)).toBe("token_revoked");
    expect((await w.login({ provider_data: { username: "frank", password: "password of frank" } })).status).toBe(200);
  });

  it("of a key that never was is not found", async () => {
    for (const id of ["0".repeat(32), "x", "../key"]) {
      const { status } = await w.call("POST", "/admin/revoke", { token: admin.access_token, body: { client_id: id } });
      expect(status).toBe(404);
    }
  });
});

describe("the public routes", () => {
  it("tell of health, providers and identity", async () => {
    await w.clock.advance(seconds(5));
    expect((await w.call("GET", "/auth/health")).data).toEqual({ status: "alive", storage: true, uptime_seconds: 5 });
    expect((await w.call("GET", "/auth/providers")).data).toMatchObject({
      count: 1,
      providers: [{ name: "user_password", configured: true }],
    });
    expect((await w.call("GET", "/admin/identity", { token: admin.access_token })).data).toEqual({
      service: "shoal-node",
      version: "1.2.3",
      authentication_mode: "embedded",
      providers: ["user_password"],
    });
    expect((await w.call("GET", "/admin/metrics", { token: admin.access_token })).data).toMatchObject({
      logins_total: expect.any(Number),
    });
  });

  it.each(["GET", "POST", "HEAD"])("judge a token for a proxy: %s /auth/validate", async (method) => {
    const client = await w.client(admin, { permissions: ["blob", "context:list[c]"] });
    const { status, headers } = await w.call(method, "/auth/validate", { token: client.access_token });
    expect(status).toBe(200);
    expect(headers.get("x-auth-user")).toBe(subOf(client));
    expect(headers.get("x-auth-permissions")).toBe("blob,context:list[c]");
    expect((await w.call(method, "/auth/validate")).headers.get("x-auth-error")).toBe("missing_token");
    expect((await w.call(method, "/auth/validate", { token: "x" })).headers.get("x-auth-error")).toBe("invalid_token");
  });

  it("judge the token of the address that a proxy was called at", async () => {
    const uri = `/sse?session=1&token=${admin.access_token}`;
    expect((await w.call("GET", "/auth/validate", { headers: { "x-forwarded-uri": uri } })).status).toBe(200);
    expect((await w.call("GET", `/auth/validate?token=${admin.access_token}`)).status).toBe(200);
    const both = await w.call("GET", "/auth/validate", { token: "x", headers: { "x-forwarded-uri": uri } });
    expect(both.status).toBe(401);
  });

  it("serve a login page that loads nothing and runs only its own script", async () => {
    const { data, headers } = await w.call("GET", "/auth/login?callback-url=javascript:alert(1)");
    const nonce = /script-src 'nonce-([^']+)'/.exec(headers.get("content-security-policy") ?? "")?.[1];
    expect(nonce).toBeDefined();
    expect(String(data).match(/<script/g)).toHaveLength(1);
    expect(data).toContain(`<script nonce="${nonce}">`);
    // Nothing of the address gets into the page.
    expect(data).not.toContain("alert(1)");
    expect((await w.call("GET", "/auth/login")).headers.get("content-security-policy")).not.toContain(nonce ?? "");
  });

  it("have no mock tokens unless they are switched on, and then behind their header", async () => {
    const body = { client_name: "ci", permissions: ["blob"], access_token_expiry: 60 };
    expect((await w.call("POST", "/auth/mock-token", { body })).status).toBe(404);
    const mocking = await world({ mock: { header: new Secret("let me in") } });
    expect((await mocking.call("POST", "/auth/mock-token", { body })).status).toBe(401);
    expect(
      (await mocking.call("POST", "/auth/mock-token", { body, headers: { authorization: "let me out" } })).status,
    ).toBe(401);
    const given = await mocking.call("POST", "/auth/mock-token", { body, headers: { authorization: "let me in" } });
    const { access_token: token } = given.data as Pair;
    const { exp = 0, iat = 0 } = decodeJwt(token);
    expect(exp - iat).toBe(60);
    expect(await judged(mocking, token, "blob:get")).toBe("ok");
    expect(await judged(mocking, token, "admin")).toBe("permission_denied");
  });

  it("take no password where that is switched off", async () => {
    const off = await world({ userPassword: { enabled: false, minLength: 8, maxLength: 128 } });
    expect((await off.login()).status).toBe(400);
    expect((await off.call("GET", "/auth/providers")).data).toEqual({ providers: [], count: 0 });
  });

  it("are nowhere else", async () => {
    for (const path of ["/auth", "/auth/assets/x.js", "/admin/nothing", "/auth/token/x"])
      expect((await w.call("GET", path)).status, path).toBe(404);
  });

  it("let a user in by the same password, however it was composed", async () => {
    const composed = await world({
      firstAdministrator: { username: "zoë", password: new Secret("caf\u00e9 au lait") },
    });
    const credentials = { username: "zoë", password: "cafe\u0301 au lait" };
    expect((await composed.login({ provider_data: credentials })).status).toBe(200);
    expect((await composed.login({ provider_data: ADMIN })).status).toBe(401);
  });
});
