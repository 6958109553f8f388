/** Logging in and refreshing: who gets tokens, how often, and what becomes of those who share one. */
import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import type { Log } from "@shoal/shared/base/log.ts";
import { days, seconds } from "@shoal/shared/base/time.ts";
import { ADMIN, judged, tokenRequest, world, type Answer, type Pair } from "./harness.ts";

const wrong = { provider_data: { ...ADMIN, password: "wrong horse" } };
const wordOf = (answer: Answer): string | null => answer.headers.get("x-auth-error");

describe("a login", () => {
  it("gives both tokens, with the claims that clients read", async () => {
    const w = await world();
    const { access_token: access, refresh_token: refresh } = await w.tokens();
    const claims = decodeJwt(access);
    const { sub, iat = 0, jti } = claims;
    expect(claims).toEqual({
      sub,
      iat,
      jti,
      exp: iat + 3600,
      iss: "calimero-auth",
      aud: "calimero-auth",
      permissions: ["admin"],
      token_type: "access",
    });
    expect(decodeJwt(refresh)).toMatchObject({ sub, exp: iat + 30 * 86_400, token_type: "refresh" });
    expect(decodeJwt(refresh).jti).not.toBe(jti);
  });

  it("says the same of an unknown user and of a wrong password", async () => {
    const w = await world();
    const unknown = await w.login({ provider_data: { username: "eve", password: ADMIN.password } });
    const mistaken = await w.login(wrong);
    expect(unknown.status).toBe(401);
    expect([unknown.status, unknown.error]).toEqual([mistaken.status, mistaken.error]);
  });

  it("never makes anybody an administrator", async () => {
    const w = await world({}, { administrator: false });
    expect((await w.login()).status).toBe(401);
    expect(await w.auth.hasAdministrator()).toBe(false);
  });

  it("may ask for less than the user has, and not for more", async () => {
    const w = await world();
    const narrow = await w.tokens({ permissions: ["context:list", "blob"] });
    expect(await judged(w, narrow.access_token, "blob:get")).toBe("ok");
    expect(await judged(w, narrow.access_token, "application:install")).toBe("permission_denied");
    const admin = await w.tokens({ permissions: ["admin"] });
    const user = { username: "bob", password: "password of bob" };
    const body = { public_key: "bob", auth_method: "user_password", provider_data: user, permissions: ["blob"] };
    expect((await w.call("POST", "/admin/keys", { token: admin.access_token, body })).status).toBe(200);
    const beyond = await w.login({ provider_data: user, permissions: ["blob:add", "context"] });
    expect([beyond.status, wordOf(beyond)]).toEqual([403, "permission_denied"]);
    expect((await w.login({ provider_data: user, permissions: ["nonsense"] })).status).toBe(400);
    expect((await w.login({ provider_data: user, permissions: [] })).status).toBe(200);
  });

  it("fails five times in a minute at the most, for each address", async () => {
    const w = await world();
    for (let time = 0; time < 5; time += 1) expect((await w.login(wrong)).status).toBe(401);
    const refused = await w.login();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "60"]);
    expect((await w.login({}, "192.0.2.2")).status).toBe(200);
    await w.clock.advance(seconds(60));
    expect((await w.login()).status).toBe(200);
  });

  it("guesses no oftener by guessing at once", async () => {
    const w = await world();
    const answers = await Promise.all(Array.from({ length: 20 }, () => w.login(wrong)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(15);
  });

  it("that succeeds costs nothing of the five", async () => {
    const w = await world();
    for (let time = 0; time < 7; time += 1) expect((await w.login()).status).toBe(200);
  });

  it("believes an address only of proxies that it was told of", async () => {
    const direct = await world();
    const proxied = await world({ trustedProxies: 1 });
    for (const [w, last] of [
      [direct, 429],
      [proxied, 401],
    ] as const) {
      let status = 0;
      for (let time = 0; time < 6; time += 1) {
        const headers = { "x-forwarded-for": `198.51.100.7, 203.0.113.${time}` };
        ({ status } = await w.call("POST", "/auth/token", { body: tokenRequest(wrong), headers }));
      }
      expect(status).toBe(last);
    }
  });

  it("writes neither password nor token into the log or the store", async () => {
    const lines: string[] = [];
    const line = (fields: object, message: string): void => void lines.push(JSON.stringify(fields) + message);
    const log: Log = { debug: line, info: line, warn: line, error: line, child: () => log };
    const w = await world({}, { log });
    const pair = await w.tokens();
    await w.login(wrong);
    await w.expire();
    await w.refresh(pair);
    await w.refresh(pair);
    for await (const [, value] of w.store.scan("auth")) lines.push(new TextDecoder().decode(value));
    const everything = lines.join("\n");
    expect(everything).toContain("shown twice");
    for (const secret of [ADMIN.password, "wrong horse", pair.access_token, pair.refresh_token])
      expect(everything).not.toContain(secret);
  });
});

describe("a refresh", () => {
  it("wants an access token that has expired", async () => {
    const w = await world();
    const pair = await w.tokens();
    const early = await w.refresh(pair);
    expect([early.status, early.error]).toEqual([401, "the access token has not expired yet"]);
    await w.clock.advance(seconds(3600));
    expect((await w.refresh(pair)).status).toBe(200);
  });

  it("gives a pair that works, of the same key", async () => {
    const w = await world();
    const first = await w.tokens({ client_name: "http://localhost:2528", permissions: ["blob"] });
    await w.expire();
    const second = (await w.refresh(first)).data as Pair;
    const claims = decodeJwt(second.access_token);
    expect(claims).toMatchObject({
      sub: decodeJwt(first.access_token).sub,
      node_url: "http://localhost:2528",
      permissions: ["blob"],
    });
    expect(await judged(w, second.access_token, "blob", "http://localhost/x")).toBe("ok");
    await w.expire();
    expect((await w.refresh(second)).status).toBe(200);
  });

  it("happens once: whoever uses the token again ends every sign-in of the key", async () => {
    const w = await world();
    const [first, elsewhere] = [await w.tokens(), await w.tokens()];
    await w.expire();
    const second = (await w.refresh(first)).data as Pair;
    const again = await w.refresh(first);
    expect([again.status, wordOf(again)]).toEqual([401, "token_reuse"]);
    expect(await judged(w, second.access_token)).toBe("token_revoked");
    const refused = await w.refresh(elsewhere);
    expect([refused.status, wordOf(refused)]).toEqual([401, "token_revoked"]);
    expect((await w.login()).status).toBe(200);
  });

  it("of twenty at once is won by exactly one", async () => {
    const w = await world();
    const pair = await w.tokens();
    await w.expire();
    const answers = await Promise.all(Array.from({ length: 20 }, () => w.refresh(pair)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const words = answers.filter(({ status }) => status !== 200).map(wordOf);
    // Which of the twenty is answered first is the machine's choice: one at least was told of the reuse.
    expect(words).toContain("token_reuse");
    expect(words.every((word) => word === "token_reuse" || word === "token_revoked")).toBe(true);
  });

  it("gives a client key a new id, and the old id's tokens end", async () => {
    const w = await world();
    const client = await w.client(await w.tokens(), { context_id: "ctx", context_identity: "me" });
    await w.expire();
    const next = (await w.refresh(client)).data as Pair;
    const [before, after] = [decodeJwt(client.access_token), decodeJwt(next.access_token)];
    expect(after.sub).not.toBe(before.sub);
    expect(after["permissions"]).toEqual(["context[ctx,me]"]);
    expect(await judged(w, next.access_token, "context:execute[ctx,me,get]")).toBe("ok");
    const again = await w.refresh(client);
    expect(wordOf(again)).toBe("token_reuse");
    expect(await judged(w, next.access_token)).toBe("token_revoked");
  });

  it("takes no access token for a refresh token, nor the other way round, nor two keys'", async () => {
    const w = await world();
    const pair = await w.tokens();
    const client = await w.client(pair, { permissions: ["blob"] });
    await w.expire();
    for (const mixed of [
      { access_token: pair.access_token, refresh_token: pair.access_token },
      { access_token: pair.refresh_token, refresh_token: pair.refresh_token },
      { access_token: client.access_token, refresh_token: pair.refresh_token },
    ]) {
      const { status, headers } = await w.refresh(mixed);
      expect(status).toBe(401);
      expect(["invalid_token", "token_expired"]).toContain(headers.get("x-auth-error"));
    }
    expect((await w.refresh(pair)).status).toBe(200);
  });

  it("comes to an end after thirty days", async () => {
    const w = await world();
    const pair = await w.tokens();
    await w.clock.advance(days(31));
    const late = await w.refresh(pair);
    expect([late.status, wordOf(late)]).toEqual([401, "token_expired"]);
  });

  it("sees that the key was revoked meanwhile", async () => {
    const w = await world();
    const admin = await w.tokens();
    const client = await w.client(admin, { permissions: ["blob"] });
    await w.call("POST", "/admin/revoke", {
      token: admin.access_token,
      body: { client_id: decodeJwt(client.access_token).sub },
    });
    await w.expire();
    expect(wordOf(await w.refresh(client))).toBe("token_revoked");
  });
});
