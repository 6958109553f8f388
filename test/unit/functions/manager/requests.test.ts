import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase } from "@shoal/functions/store/database.ts";
import { SCOPES } from "@shoal/shared/model/account.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { makeProcessor, makeTemplate, send, world, type Caller, type World } from "./harness.ts";

let w: World;
let me: Caller;
beforeAll(async () => {
  w = await world();
  me = await w.key(await w.organisation("acme"));
  await makeTemplate(me);
});
afterAll(() => w.close());

const post = (body: unknown, headers: Record<string, string> = {}) => me.call("POST", "/processors", body, headers);

describe("a body", () => {
  it("that is not what it should be is refused with a code and a field", async () => {
    const deep = `${'{"config":'.repeat(70)}1${"}".repeat(70)}`;
    const cases: [string, string | object, Record<string, string>, number, string][] = [
      ["malformed", "{", {}, 400, "malformed_json"],
      ["no object", "[]", {}, 400, "invalid_argument"],
      ["null", "null", {}, 400, "invalid_argument"],
      ["a wrong type", { name: 7, template: "meter" }, {}, 400, "invalid_argument"],
      ["an unknown field", { name: "a", template: "meter", nmae: "a" }, {}, 400, "invalid_argument"],
      ["NUL", '{"name":"a\\u0000","template":"meter"}', {}, 400, "malformed_json"],
      ["a lone surrogate", '{"name":"\\ud800","template":"meter"}', {}, 400, "malformed_json"],
      ["too deep", deep, {}, 400, "malformed_json"],
      ["text", "hello", { "content-type": "text/plain" }, 415, "unsupported_media_type"],
      ["compressed", "{}", { "content-encoding": "gzip" }, 415, "unsupported_media_type"],
      ["too large", `"${"a".repeat(1024 * 1024)}"`, {}, 413, "payload_too_large"],
      ["far too large", `"${"a".repeat(10 * 1024 * 1024)}"`, {}, 413, "payload_too_large"],
    ];
    for (const [what, body, headers, status, code] of cases) {
      const answer = await post(body, headers);
      expect({ what, status: answer.status, error: answer.json["error"] }).toMatchObject({
        what,
        status,
        error: { code },
      });
    }
    expect((await me.call("POST", "/processors/x/restart", { surprise: 1 })).json["error"]).toMatchObject({
      field: "surprise",
    });
  });

  it("is not read further than its limit", async () => {
    let pulled = 0;
    const body = new ReadableStream({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(new Uint8Array(64 * 1024).fill(32));
      },
    });
    const headers = { authorization: `Bearer ${me.token}`, "content-type": "application/json" };
    const init = { method: "POST", headers, body, duplex: "half" as const };
    const response = await w.manager.fetch(new Request("http://shoal.test/api/v1/processors", init));
    expect(response.status).toBe(413);
    expect(pulled).toBeLessThan(20);
  });

  it("may stand in a path or a query no more than elsewhere what the database cannot keep", async () => {
    for (const path of [
      "/processors/%00",
      "/processors?name_prefix=%00",
      "/processors?limit=0",
      "/processors?limit=x",
      "/processors?surprise=1",
      "/processors?limit=1&limit=2",
      "/processors?cursor=zzz",
      "/operations/x?wait=1h",
    ]) {
      const answer = await me.call("GET", path);
      expect({ path, status: answer.status }).toEqual({ path, status: 400 });
    }
  });
});

describe("a request's names", () => {
  it("are its own where they are sane, and ours otherwise", async () => {
    expect(
      (await me.call("GET", "/processors", undefined, { "x-request-id": "mine-1" })).headers.get("x-request-id"),
    ).toBe("mine-1");
    const odd = await me.call("GET", "/nowhere", undefined, { "x-request-id": "a b" });
    expect(odd.headers.get("x-request-id")).toMatch(/^req-/);
    expect(odd.json["error"]).toMatchObject({ requestId: odd.headers.get("x-request-id") });
  });
});

describe("an idempotency key", () => {
  it("gives the first answer again, marked, and refuses another request", async () => {
    const headers = { "idempotency-key": "once" };
    const first = await post({ name: "once", template: "meter" }, headers);
    const again = await post({ name: "once", template: "meter" }, headers);
    expect(again.json).toEqual(first.json);
    expect([first.status, again.status]).toEqual([202, 202]);
    expect([first.headers.get("idempotency-replayed"), again.headers.get("idempotency-replayed")]).toEqual([
      null,
      "true",
    ]);
    expect((await post({ name: "other", template: "meter" }, headers)).status).toBe(422);
    const elsewhere = await me.call("POST", "/processor-templates", { slug: "other" }, headers);
    expect(elsewhere.json["error"]).toMatchObject({ code: "idempotency_key_reused" });
    expect((await post({ name: "a", template: "meter" }, { "idempotency-key": "has space" })).status).toBe(400);
  });

  it("lets concurrent twins create one, whatever each is told", async () => {
    const twins = await Promise.all(
      Array.from({ length: 12 }, () => post({ name: "twin", template: "meter" }, { "idempotency-key": "twins" })),
    );
    expect(new Set(twins.map((answer) => answer.status)).difference(new Set([202, 409]))).toEqual(new Set());
    for (const answer of twins.filter((each) => each.status === 409))
      expect(answer.json["error"]).toMatchObject({ code: "idempotency_key_in_use" });
    const ids = twins
      .filter((each) => each.status === 202)
      .map((each) => (each.json["processor"] as { id: string }).id);
    expect(new Set(ids).size).toBe(1);
    expect((await me.call("GET", "/processors?name_prefix=twin")).json["items"]).toHaveLength(1);
  });

  it("keeps no readable token, and tells it to the one who made it only", async () => {
    const headers = { "idempotency-key": "secret" };
    const body = { name: "ci", scopes: ["processors:read"] };
    const first = await me.call("POST", "/api-keys", body, headers);
    const { token } = first.json as { token: string };
    expect((await me.call("POST", "/api-keys", body, headers)).json["token"]).toBe(token);
    const other = await w.key(me.organisationId);
    expect((await other.call("POST", "/api-keys", body, headers)).status).toBe(422);
    const { rows } = await w.db.sql.query<{ kept: string }>(
      "select response_body::text as kept from idempotency_keys where key = 'secret'",
    );
    expect(rows[0]?.kept).not.toContain(token);
    expect((await w.as(token).call("GET", "/processors")).status).toBe(200);
  });

  it("is free again after a refusal", async () => {
    const headers = { "idempotency-key": "retry" };
    expect((await post({ name: "later", template: "not-yet" }, headers)).status).toBe(400);
    expect((await post({ name: "later", template: "meter" }, headers)).status).toBe(202);
  });
});

describe("a list", () => {
  it("is paged in a stable order while rows come", async () => {
    const other = await w.key(await w.organisation("pages"));
    await makeTemplate(other);
    for (let i = 0; i < 12; i++) await makeProcessor(other, `page-${i}`);
    const seen: string[] = [];
    let cursor = "";
    for (let page = 0; page < 5 && cursor !== "end"; page++) {
      const { json } = await other.call("GET", `/processors?limit=5${cursor === "" ? "" : `&cursor=${cursor}`}`);
      seen.push(...(json["items"] as { name: string }[]).map((item) => item.name));
      await makeProcessor(other, `newer-${page}`);
      cursor = (json["next_cursor"] as string | null) ?? "end";
    }
    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => `page-${11 - i}`));
  });
});

describe("limits", () => {
  it("of a plan hold for requests at once", async () => {
    const small = await w.key(await w.organisation("small", "free"));
    await makeTemplate(small);
    const answers = await Promise.all(
      Array.from({ length: 25 }, (_, i) => small.call("POST", "/processors", { name: `p-${i}`, template: "meter" })),
    );
    const counted = [202, 402].map((status) => answers.filter((answer) => answer.status === status).length);
    expect(counted).toEqual([10, 15]);
    expect(answers.find((answer) => answer.status === 402)?.json["error"]).toMatchObject({
      code: "plan_limit_exceeded",
    });
    await small.call("DELETE", "/processors/p-0");
  });

  it("of the rate are told, and what is over them says when to come again", async () => {
    const small = await w.key(await w.organisation("hasty", "free"));
    const statuses = new Set<number>();
    let last = await small.call("GET", "/sessions/current");
    expect(last.headers.get("ratelimit-limit")).toBe("600");
    for (let i = 0; i < 700 && last.status === 200; i++) {
      last = await small.call("GET", "/sessions/current");
      statuses.add(last.status);
    }
    expect(statuses).toEqual(new Set([200, 429]));
    expect(Number(last.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(last.headers.get("ratelimit-remaining")).toBe("0");
  });

  it("of an address without a credential do not touch whoever has one", async () => {
    const manager = w.instance({ limits: { anonymousRequestsPerMinute: 3 } });
    const statuses: number[] = [];
    expect((await send(manager, me.token, "GET", "/processors")).status).toBe(200);
    for (let i = 0; i < 5; i++) statuses.push((await send(manager, "guess", "GET", "/processors")).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect((await send(manager, me.token, "GET", "/processors")).status).toBe(200);
  });
});

describe("keys", () => {
  it("never have more scopes than their maker, and a revoked one is refused at once here, within seconds elsewhere", async () => {
    const narrow = await w.key(me.organisationId, ["accounts:write", "processors:read"]);
    const beyond = await narrow.call("POST", "/api-keys", { name: "wide", scopes: ["processors:write"] });
    expect(beyond.json["error"]).toMatchObject({ code: "permission_denied", field: "scopes" });
    const made = await me.call("POST", "/api-keys", { name: "short", scopes: [...SCOPES] });
    const { token, api_key: key } = made.json as { token: string; api_key: { id: string } };
    const elsewhere = w.instance({ limits: { credentialCacheMs: 0 } });
    for (const manager of [w.manager, elsewhere])
      expect((await send(manager, token, "GET", "/processors")).status).toBe(200);
    expect((await me.call("DELETE", `/api-keys/${key.id}`)).status).toBe(200);
    for (const manager of [w.manager, elsewhere])
      expect((await send(manager, token, "GET", "/processors")).status).toBe(401);
  });
});

describe("owners", () => {
  it("are made by owners only, and one always remains", async () => {
    const organisation = await w.organisation("owned");
    const [first, second] = [await w.member(organisation, "owner"), await w.member(organisation, "owner")];
    const admin = await w.member(organisation, "admin");
    const put = (by: Caller, userId: string, role: string) =>
      by.call("PUT", `/organisations/current/members/${userId}`, { role });
    expect((await put(admin, admin.userId, "owner")).status).toBe(403);
    const both = await Promise.all([put(first, second.userId, "viewer"), put(second, first.userId, "viewer")]);
    const { rows } = await w.db.sql.query(
      "select user_id from memberships where organisation_id = $1 and role = 'owner'",
      [organisation],
    );
    expect({ owners: rows.length, statuses: both.map((answer) => answer.status).includes(200) }).toEqual({
      owners: 1,
      statuses: true,
    });
  });
});

describe("an outage of the database", () => {
  it("is 503 with Retry-After, and nothing is concluded", async () => {
    const database = createDatabase({
      url: "postgres://nobody@127.0.0.1:9/none",
      log: silentLog,
      applicationName: "test",
      maxConnections: 1,
      statementTimeoutMs: 1000,
    });
    const manager = w.instance({ database });
    const answer = await send(manager, me.token, "GET", "/processors");
    expect({ status: answer.status, error: answer.json["error"] }).toMatchObject({
      status: 503,
      error: { code: "unavailable" },
    });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    await database.close();
  });
});
