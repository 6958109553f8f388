import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startIdentity, type IdentityServer } from "@shoal/emulator/identity/index.ts";
import { createIdTokenVerifier } from "@shoal/functions/manager/id-token.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { milliseconds as ms, minutes } from "@shoal/shared/base/time.ts";
import { createVirtualClock, type VirtualClock } from "../../../support/virtual-clock.ts";

const users = [
  { email: "ada@example.test", name: "Ada <Lovelace>" },
  { email: "bob@example.test", name: "Bob", subject: "u-2", emailVerified: false },
];
const clients = [
  { id: "console", name: "Console", redirectUris: ["http://127.0.0.1:1/callback"] },
  { id: "cli", name: "CLI", redirectUris: [] },
];

let folder: string;
let clock: VirtualClock;
let identity: IdentityServer;
const start = (port = 0): Promise<IdentityServer> =>
  startIdentity({ dataDir: folder, port, log: silentLog, clock, clients, users });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-identity-"));
  clock = createVirtualClock();
  identity = await start();
});
afterEach(async () => {
  await identity.stop();
  await rm(folder, { recursive: true });
});

const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${identity.issuer}${path}`, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers,
    redirect: "manual",
  });
const verifier = randomBytes(32).toString("base64url");
const asked = (extra: Record<string, string> = {}): Record<string, string> => ({
  client_id: "console",
  redirect_uri: "http://127.0.0.1:4321/callback",
  response_type: "code",
  code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  code_challenge_method: "S256",
  state: "s 1",
  nonce: "n1",
  ...extra,
});

async function code(): Promise<string> {
  const answer = await post("/authorize", asked({ user: "ada@example.test" }));
  expect(answer.status).toBe(303);
  const back = new URL(answer.headers.get("location") ?? "");
  expect([back.origin + back.pathname, back.searchParams.get("state")]).toEqual([
    "http://127.0.0.1:4321/callback",
    "s 1",
  ]);
  return back.searchParams.get("code") ?? "";
}

const redeem = async (code: string, extra: Record<string, string> = {}): Promise<Record<string, string>> =>
  (await (
    await post("/token", {
      grant_type: "authorization_code",
      client_id: "console",
      redirect_uri: "http://127.0.0.1:4321/callback",
      code,
      code_verifier: verifier,
      ...extra,
    })
  ).json()) as Record<string, string>;

describe("authorization code", () => {
  test("ends in an id token that verifies by discovery and published keys, with the nonce", async () => {
    const found = (await (await fetch(`${identity.issuer}/.well-known/openid-configuration`)).json()) as {
      jwks_uri: string;
    };
    const page = await fetch(`${identity.issuer}/authorize?${new URLSearchParams(asked()).toString()}`);
    expect(await page.text()).toContain("Ada &#60;Lovelace&#62;");
    const tokens = await redeem(await code());
    const verify = createIdTokenVerifier({
      issuer: identity.issuer,
      audience: "console",
      jwksUrl: found.jwks_uri,
      clock,
    });
    expect(await verify(tokens["id_token"] ?? "", "n1")).toEqual({
      issuer: identity.issuer,
      subject: "ada@example.test",
      email: "ada@example.test",
      emailVerified: true,
      name: "Ada <Lovelace>",
    });
    await expect(verify(tokens["id_token"] ?? "", "n2")).rejects.toMatchObject({ code: "unauthenticated" });
    const [head, , signature] = (tokens["id_token"] ?? "").split(".");
    const forged = Buffer.from(JSON.stringify({ ...decodeJwt(tokens["id_token"] ?? ""), sub: "root" })).toString(
      "base64url",
    );
    await expect(verify(`${head}.${forged}.${signature}`, "n1")).rejects.toMatchObject({ code: "unauthenticated" });
  });

  test("a code is worth nothing twice, late, to another client, or without its verifier", async () => {
    const first = await code();
    expect(await redeem(first)).toHaveProperty("id_token");
    expect(await redeem(first)).toMatchObject({ error: "invalid_grant" });
    expect(await redeem(await code(), { code_verifier: "x".repeat(43) })).toMatchObject({ error: "invalid_grant" });
    expect(await redeem(await code(), { client_id: "cli" })).toMatchObject({ error: "invalid_grant" });
    expect(await redeem(await code(), { redirect_uri: "http://127.0.0.1:1/callback" })).toMatchObject({
      error: "invalid_grant",
    });
    const late = await code();
    await clock.advance(minutes(2));
    expect(await redeem(late)).toMatchObject({ error: "invalid_grant" });
  });

  test.each([
    ["another address", { redirect_uri: "http://evil.test/callback" }],
    ["another path", { redirect_uri: "http://127.0.0.1:4321/elsewhere" }],
    ["an unknown client", { client_id: "nobody" }],
    ["no challenge", { code_challenge: "" }],
    ["a plain challenge", { code_challenge_method: "plain" }],
    ["an unknown user", { user: "eve@example.test" }],
  ])("tells the person of %s and redirects nowhere", async (_, extra) => {
    const answer = await post("/authorize", asked({ user: "ada@example.test", ...extra }));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.headers.get("location")).toBeNull();
  });

  test("refuses a form that another site sends", async () => {
    const answer = await post("/authorize", asked({ user: "ada@example.test" }), { origin: "http://evil.test" });
    expect(answer.status).toBe(400);
  });
});

describe("a device", () => {
  const begin = async (): Promise<Record<string, string>> =>
    (await (await post("/device_authorization", { client_id: "cli" })).json()) as Record<string, string>;
  const poll = async (device: Record<string, string>): Promise<Record<string, string>> =>
    (await (
      await post("/token", {
        grant_type: "urn:ietf:params:oauth:grant-type:device_code",
        client_id: "cli",
        device_code: device["device_code"] ?? "",
      })
    ).json()) as Record<string, string>;

  test("waits for a person's yes and is given one token", async () => {
    const device = await begin();
    expect(device["user_code"]).toMatch(/^[A-Z]{4}-[A-Z]{4}$/);
    expect(await poll(device)).toMatchObject({ error: "authorization_pending" });
    expect(await poll(device)).toMatchObject({ error: "slow_down" });
    const yes = await post("/device", {
      user_code: (device["user_code"] ?? "").toLowerCase(),
      user: "bob@example.test",
    });
    expect(yes.status).toBe(200);
    const tokens = await poll(device);
    expect(decodeJwt(tokens["id_token"] ?? "")).toMatchObject({ sub: "u-2", aud: "cli", email_verified: false });
    expect(await poll(device)).toMatchObject({ error: "invalid_grant" });
    const who = await fetch(`${identity.issuer}/userinfo`, {
      headers: { authorization: `Bearer ${tokens["access_token"]}` },
    });
    expect(await who.json()).toMatchObject({ email: "bob@example.test" });
  });

  test("hears a no, and an end of waiting", async () => {
    const [denied, forgotten] = [await begin(), await begin()];
    await post("/device", { user_code: denied["user_code"] ?? "", user: "" });
    expect(await poll(denied)).toMatchObject({ error: "access_denied" });
    await clock.advance(minutes(11));
    expect(await poll(forgotten)).toMatchObject({ error: "expired_token" });
    expect((await post("/device", { user_code: forgotten["user_code"] ?? "", user: "bob@example.test" })).status).toBe(
      400,
    );
  });
});

test("tokens outlive a restart, and the key is nobody else's to read", async () => {
  const token = await identity.signServiceToken({
    email: "tasks@p.iam.gserviceaccount.com",
    audience: "http://target/",
  });
  const { port } = identity;
  await identity.stop();
  identity = await start(port);
  const keys = createRemoteJWKSet(new URL(`${identity.issuer}/jwks`));
  const options = { audience: "http://target/", currentDate: new Date(clock.now()) };
  const { payload } = await jwtVerify(token, keys, { ...options, issuer: identity.issuer });
  expect(payload).toMatchObject({ email: "tasks@p.iam.gserviceaccount.com", email_verified: true });
  expect((await stat(join(folder, "identity-key.json"))).mode & 0o777).toBe(0o600);
});

test("a service's token is signed anew long before it ends", async () => {
  const sign = (): Promise<string> => identity.signServiceToken({ email: "a", audience: "b" });
  const first = await sign();
  expect(await sign()).toBe(first);
  await clock.advance(ms(1_800_001));
  expect(await sign()).not.toBe(first);
});
