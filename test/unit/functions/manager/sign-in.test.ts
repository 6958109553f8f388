/** Signing in with id tokens that are really signed, against a key set that is really fetched. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createIdTokenVerifier } from "@shoal/functions/manager/id-token.ts";
import { systemClock } from "../../../support/clock.ts";
import { world, type Answer, type World } from "./harness.ts";

const ISSUER = "https://id.example.test";
let w: World;
let server: Server;
let key: CryptoKey;
let otherKey: CryptoKey;

beforeAll(async () => {
  const pair = await generateKeyPair("RS256");
  key = pair.privateKey;
  otherKey = (await generateKeyPair("RS256")).privateKey;
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "1", alg: "RS256" }] });
  server = createServer((_request, response) => response.end(jwks));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  w = await world({
    verifyIdToken: createIdTokenVerifier({ issuer: ISSUER, audience: "shoal", jwksUrl, clock: systemClock }),
  });
});
afterAll(async () => {
  server.close();
  await w.close();
});

interface Claims {
  readonly sub?: string;
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly nonce?: string;
  readonly issuer?: string;
  readonly audience?: string;
  readonly expires?: string;
}

async function idToken(claims: Claims, by: CryptoKey = key): Promise<string> {
  const { issuer = ISSUER, audience = "shoal", expires = "5m", sub = "ada", ...rest } = claims;
  return new SignJWT({ email: `${sub}@example.test`, name: sub, ...rest })
    .setProtectedHeader({ alg: "RS256", kid: "1" })
    .setSubject(sub)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(by);
}

const signIn = async (body: object, headers: Record<string, string> = {}): Promise<Answer> =>
  w.as(undefined).call("POST", "/sessions", body, headers);

describe("signing in", () => {
  it("opens an organisation the first time, also when twice at once, and the session works until it is ended", async () => {
    const id_token = await idToken({ sub: "first" });
    const [one, two] = await Promise.all([signIn({ id_token }), signIn({ id_token })]);
    expect([one.status, two.status]).toEqual([201, 201]);
    expect(one.json["organisation"]).toEqual(two.json["organisation"]);
    const session = w.as(one.json["token"] as string);
    expect((await session.call("GET", "/users/me")).json["memberships"]).toMatchObject([{ role: "owner" }]);
    expect((await session.call("DELETE", "/sessions/current")).status).toBe(204);
    expect((await session.call("GET", "/users/me")).status).toBe(401);
    expect((await w.as(two.json["token"] as string).call("GET", "/users/me")).status).toBe(200);
  });

  it("refuses a token of another issuer, audience, key, time or nonce", async () => {
    const wrong: [string, string, object][] = [
      ["issuer", await idToken({ issuer: "https://evil.example.test" }), {}],
      ["audience", await idToken({ audience: "another" }), {}],
      ["key", await idToken({}, otherKey), {}],
      ["time", await idToken({ expires: "-1m" }), {}],
      ["nonce", await idToken({ nonce: "a" }), { nonce: "b" }],
      ["no token", "a.b.c", {}],
    ];
    for (const [what, id_token, more] of wrong) {
      const answer = await signIn({ id_token, ...more });
      expect({ what, status: answer.status, error: answer.json["error"] }).toMatchObject({
        what,
        status: 401,
        error: { code: "unauthenticated" },
      });
    }
    expect((await signIn({ id_token: await idToken({}), organisation: "not-theirs" })).status).toBe(404);
  });

  it("takes up an invitation by a verified address only", async () => {
    const organisation = await w.organisation("inviting");
    const owner = await w.member(organisation, "owner");
    await owner.call("POST", "/organisations/current/invitations", { email: "Guest@Example.test", role: "viewer" });
    const enter = async (email_verified: boolean): Promise<Answer> =>
      signIn({ id_token: await idToken({ sub: "guest", email_verified }), organisation: "inviting" });
    expect((await enter(false)).status).toBe(404);
    const entered = await enter(true);
    expect(entered.status).toBe(201);
    const guest = w.as(entered.json["token"] as string);
    expect((await guest.call("GET", "/processors")).status).toBe(200);
    expect((await guest.call("POST", "/processor-templates", { slug: "mine" })).status).toBe(403);
  });
});
