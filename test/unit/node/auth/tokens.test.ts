/** The matrix of tokens that must be refused, and what the guard says of each. */
import { base64url, decodeJwt, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { hours, seconds, timestamp } from "@shoal/shared/base/time.ts";
import type { Store } from "@shoal/node/storage/store.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";
import { judged, world, type Pair, type World } from "./harness.ts";

let w: World;
let admin: Pair;
beforeAll(async () => {
  w = await world();
  admin = await w.tokens();
});

/** The secret that signs at present, taken out of the store: what a thief of the disk would have. */
async function signingSecret(store: Store): Promise<{ kid: string; secret: Uint8Array }> {
  for await (const [key, value] of store.scan("auth")) {
    if (!new TextDecoder().decode(key).startsWith("secret/")) continue;
    const { kid, secret } = JSON.parse(new TextDecoder().decode(value)) as { kid: string; secret: string };
    return { kid, secret: Buffer.from(secret, "base64") };
  }
  throw new Error("no secret");
}

/** A token that is right but for `claims` and `header`. */
async function forged(claims: object, header: object = {}, key?: Uint8Array): Promise<string> {
  const { kid, secret } = await signingSecret(w.store);
  return new SignJWT({ ...decodeJwt(admin.access_token), ...claims })
    .setProtectedHeader({ alg: "HS256", typ: "JWT", kid, ...header })
    .sign(key ?? secret);
}

describe("the guard", () => {
  it("lets a good token in, by header and by address", async () => {
    expect(await judged(w, admin.access_token, "context:create")).toBe("ok");
    expect(await judged(w, undefined, "admin", `http://node.test/sse?x=1&token=${admin.access_token}`)).toBe("ok");
    expect(await judged(w, await forged({}), "admin")).toBe("ok");
  });

  it("says who calls", async () => {
    const request = new Request("http://node.test/", { headers: { authorization: `bearer ${admin.access_token}` } });
    const { sub } = decodeJwt(admin.access_token);
    expect(await w.auth.guard.check(request, undefined)).toEqual({ keyId: sub, permissions: ["admin"] });
  });

  const past = (by: number): number => Math.floor(w.clock.now() / 1000) - by;
  const MATRIX: Record<string, readonly [expected: string, token: () => Promise<string> | string | undefined]> = {
    "no token": ["missing_token", () => undefined],
    "an empty one": ["missing_token", () => ""],
    "no JWT": ["invalid_token", () => "abc.def.ghi"],
    "text beyond the bound": ["invalid_token", () => "a".repeat(20_000)],
    "a refresh token": ["invalid_token", () => admin.refresh_token],
    "another audience": ["invalid_token", () => forged({ aud: "elsewhere" })],
    "another issuer": ["invalid_token", () => forged({ iss: "elsewhere" })],
    "another key under our kid": ["invalid_token", () => forged({}, {}, new Uint8Array(32))],
    "an unknown kid": ["invalid_token", () => forged({}, { kid: "ffffffffffffffff" })],
    "no kid": ["invalid_token", () => forged({}, { kid: undefined })],
    "another algorithm": ["invalid_token", () => forged({}, { alg: "HS512" }, new Uint8Array(64))],
    "alg none": ["invalid_token", () => new UnsecuredJWT(decodeJwt(admin.access_token)).encode()],
    "a key of its own in the header": [
      "invalid_token",
      () =>
        forged({}, { jwk: { kty: "oct", k: base64url.encode(new Uint8Array(32)) }, kid: "own" }, new Uint8Array(32)),
    ],
    "an extension that must be understood": [
      "invalid_token",
      () => forged({}, { crit: ["exp"], exp: 1 }).catch(() => "a.b.c"),
    ],
    "expired beyond the leeway": ["token_expired", () => forged({ exp: past(61) })],
    "not yet valid": ["invalid_token", () => forged({ nbf: past(-120) })],
    "of the future": ["invalid_token", () => forged({ iat: past(-120) })],
    "no expiry": ["invalid_token", () => forged({ exp: undefined })],
    "no type": ["invalid_token", () => forged({ token_type: undefined })],
    "no permissions": ["invalid_token", () => forged({ permissions: undefined })],
    "an id that is not ours": ["invalid_token", () => forged({ jti: "../../key/x" })],
    "a key that never was": ["token_revoked", () => forged({ sub: "0".repeat(32) })],
    "a session that never was": [
      "token_revoked",
      () => forged({ jti: `${"0".repeat(32)}.${"0".repeat(16)}.0.access` }),
    ],
    "a changed signature": ["invalid_token", () => `${admin.access_token.slice(0, -6)}AAAAAA`],
    "a changed claim": [
      "invalid_token",
      () => {
        const [header, , signature] = admin.access_token.split(".");
        const claims = { ...decodeJwt(admin.access_token), sub: "mallory" };
        return [header, base64url.encode(JSON.stringify(claims)), signature].join(".");
      },
    ],
    "another node's": ["invalid_token", async () => (await (await world({}, { seed: 8 })).tokens()).access_token],
  };
  it.each(Object.entries(MATRIX))("%s", async (_name, [expected, token]) => {
    expect(await judged(w, await token(), undefined)).toBe(expected);
  });

  it("lets the leeway pass on both sides", async () => {
    expect(await judged(w, await forged({ exp: past(58) }))).toBe("ok");
    expect(await judged(w, await forged({ iat: past(-58), nbf: past(-58) }))).toBe("ok");
  });

  it("changes one bit anywhere and the token is refused", async () => {
    const token = admin.access_token;
    const dots = [token.indexOf("."), token.lastIndexOf(".")];
    for (let at = 0; at < token.length; at += 3) {
      // The last character of a part has bits that decoding drops.
      if (dots.includes(at) || dots.includes(at + 1) || at === token.length - 1) continue;
      const flipped = String.fromCharCode(token.charCodeAt(at) ^ 1);
      expect(await judged(w, token.slice(0, at) + flipped + token.slice(at + 1)), `at ${at}`).not.toBe("ok");
    }
  });

  it("asks for what the route needs", async () => {
    const client = await w.client(admin, {
      context_id: "ctx",
      context_identity: "me",
      permissions: ["application:list"],
    });
    expect(await judged(w, client.access_token, "context:execute[ctx,me,set]")).toBe("ok");
    expect(await judged(w, client.access_token, "context:execute[ctx,you,set]")).toBe("permission_denied");
    expect(await judged(w, client.access_token, "application:install")).toBe("permission_denied");
    expect(await judged(w, client.access_token, "admin")).toBe("permission_denied");
    expect(await judged(w, client.access_token, undefined)).toBe("ok");
  });

  it("holds a token to the node that it names", async () => {
    const { access_token: bound } = await w.tokens({ client_name: "https://node.test:2528/admin-dashboard" });
    expect(await judged(w, bound, "admin", "http://NODE.test:8080/x")).toBe("ok");
    expect(await judged(w, bound, "admin", "http://other.test/x")).toBe("invalid_node");
    const named = await world({ nodeHost: "mine.test" });
    const other = await named.tokens({ client_name: "https://node.test" });
    expect(await judged(named, other.access_token, "admin", "http://node.test/x")).toBe("invalid_node");
    const mine = await named.tokens({ client_name: "https://mine.test" });
    expect(await judged(named, mine.access_token, "admin", "http://10.0.0.1/x")).toBe("ok");
  });

  it("is open behind a proxy, for the node's routes only", async () => {
    const behind = await world({ mode: "proxy" });
    expect(await judged(behind, undefined, "admin")).toBe("ok");
    expect((await behind.call("GET", "/admin/keys")).status).toBe(401);
  });
});

describe("a verified token", () => {
  it("is forgotten at once when its key is revoked", async () => {
    const client = await w.client(admin, { permissions: ["blob"] });
    expect(await judged(w, client.access_token, "blob:get")).toBe("ok");
    const { sub } = decodeJwt(client.access_token);
    await w.call("POST", "/admin/revoke", { token: admin.access_token, body: { client_id: sub } });
    expect(await judged(w, client.access_token, "blob:get")).toBe("token_revoked");
  });

  it("is not remembered beyond its expiry", async () => {
    const clock = createVirtualClock();
    const own = await world({}, { clock });
    const { access_token: token } = await own.tokens();
    await clock.advance(seconds(3600 + 50));
    expect(await judged(own, token)).toBe("ok");
    await clock.advance(seconds(11));
    expect(await judged(own, token)).toBe("token_expired");
  });

  it("loses at once what its key loses", async () => {
    const client = await w.client(admin, { permissions: ["blob", "package"] });
    expect(await judged(w, client.access_token, "package:list-packages")).toBe("ok");
    const path = `/admin/keys/${decodeJwt(client.access_token).sub}/permissions`;
    await w.call("PUT", path, { token: admin.access_token, body: { remove: ["package"] } });
    expect(await judged(w, client.access_token, "package:list-packages")).toBe("permission_denied");
    expect(await judged(w, client.access_token, "blob")).toBe("ok");
  });
});

describe("the signing secret", () => {
  it("changes every day, and what the one before signed stays valid", async () => {
    const clock = createVirtualClock(timestamp(1_800_000_000_000));
    const own = await world({ accessTokenExpiry: hours(30) }, { clock });
    const before = (await own.tokens()).access_token;
    await clock.advance(hours(24));
    const after = (await own.tokens()).access_token;
    expect(kidOf(after)).not.toBe(kidOf(before));
    expect(await judged(own, before)).toBe("ok");
    expect(await judged(own, after)).toBe("ok");
  });

  it("is dropped when nothing that it signed can be alive", async () => {
    const clock = createVirtualClock();
    const own = await world({ refreshTokenExpiry: hours(48) }, { clock });
    for (let day = 0; day < 6; day += 1) {
      await own.tokens();
      await clock.advance(hours(24));
    }
    const kept: string[] = [];
    for await (const [key] of own.store.scan("auth")) kept.push(new TextDecoder().decode(key));
    expect(kept.filter((key) => key.startsWith("secret/")).length).toBeLessThanOrEqual(4);
  });
});

const kidOf = (token: string): unknown =>
  (JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()) as { kid: string }).kid;
