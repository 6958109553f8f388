/** REST over real HTTP: the DTOs that clients read, errors, caps and CORS. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { ask, startServer, type TestServer } from "./harness.ts";
import { ALICE, APPLICATION, BOB, CONTEXT, GROUP, id, OTHER_CONTEXT } from "./ids.ts";

let server: TestServer;
beforeAll(async () => (server = await startServer()));
afterAll(() => server.close());

const get = (path: string): ReturnType<typeof ask> => ask(server, "GET", path);
const post = (path: string, body: unknown): ReturnType<typeof ask> => ask(server, "POST", path, body);

describe("applications", () => {
  test("are listed with upstream's fields", async () => {
    const { body } = await get("/admin-api/applications");
    expect(body).toEqual({
      data: {
        apps: [
          {
            id: APPLICATION,
            blob: { bytecode: id(11), compiled: id(13) },
            size: 3,
            source: "upload",
            metadata: [1, 2],
            package: "com.example.kv",
            version: "1.0.0",
            signer_id: "did:key:z6Mk",
          },
        ],
      },
    });
  });

  test("are given one by one, or null", async () => {
    expect((await get(`/admin-api/applications/${APPLICATION}`)).body).toMatchObject({
      data: { application: { id: APPLICATION } },
    });
    expect((await get(`/admin-api/applications/${OTHER_CONTEXT}`)).body).toEqual({ data: { application: null } });
  });

  test("are installed by URL, path and blob", async () => {
    const installed = { data: { applicationId: APPLICATION } };
    const byUrl = { url: "http://127.0.0.1/kv.mpk", metadata: [], hash: null, package: null, version: null };
    expect((await post("/admin-api/install-application", byUrl)).body).toEqual(installed);
    expect((await post("/admin-api/install-dev-application", { path: "/kv.wasm" })).body).toEqual(installed);
    expect((await post("/admin-api/install-blob-application", { blobId: id(1) })).body).toEqual(installed);
  });

  test("stay while a context runs them", async () => {
    const { status, body } = await ask(server, "DELETE", `/admin-api/applications/${APPLICATION}`);
    expect({ status, code: body["code"] }).toEqual({ status: 409, code: "conflict" });
    expect((await ask(server, "DELETE", `/admin-api/applications/${OTHER_CONTEXT}`)).status).toBe(404);
  });

  test("tell their interface and versions, and packages theirs", async () => {
    const abi = `/admin-api/applications/${APPLICATION}/abi`;
    expect((await get(abi)).body).toEqual({ data: { schema_version: "wasm-abi/1", methods: [] } });
    expect((await get(`${abi}?service_name=other`)).status).toBe(404);
    expect((await get(`/admin-api/applications/${APPLICATION}/versions`)).body).toEqual({
      data: [{ version: "1.0.0", blobId: id(11), size: 3, package: "com.example.kv" }],
    });
    expect((await get("/admin-api/packages")).body).toEqual({ packages: ["com.example.kv"] });
    expect((await get("/admin-api/packages/com.example.kv/versions")).body).toEqual({ versions: ["1.0.0"] });
    expect((await get("/admin-api/packages/com.example.kv/latest")).body).toEqual({
      applicationId: APPLICATION,
      version: "1.0.0",
    });
    expect((await get("/admin-api/packages/none/latest")).body).toEqual({ applicationId: null, version: null });
  });
});

describe("contexts", () => {
  const view = {
    id: CONTEXT,
    applicationId: APPLICATION,
    applicationVersion: "1.0.0",
    rootHash: id(9),
    contextStateHash: id(9),
    dagHeads: [Array.from({ length: 32 }, () => 10)],
    groupId: GROUP,
  };

  test("are listed and given with the fields of both generations", async () => {
    expect((await get("/admin-api/contexts")).body).toEqual({ data: { contexts: [view] } });
    expect((await get(`/admin-api/contexts/${CONTEXT}`)).body).toEqual({ data: view });
    expect((await get(`/admin-api/contexts/${OTHER_CONTEXT}`)).status).toBe(404);
    expect((await get(`/admin-api/contexts/for-application/${APPLICATION}`)).body).toEqual({
      data: { contexts: [view] },
    });
    expect((await get(`/admin-api/contexts/with-executors/for-application/${APPLICATION}`)).body).toEqual({
      contexts: [
        { id: CONTEXT, contextId: CONTEXT, application_id: APPLICATION, root_hash: id(9), executors: [ALICE] },
      ],
    });
  });

  test("are made, and deleted with or without a body", async () => {
    const made = await post("/admin-api/contexts", {
      protocol: "near",
      applicationId: APPLICATION,
      contextSeed: id(20),
      initializationParams: [123, 125],
      groupId: GROUP.toUpperCase(),
    });
    expect(made.body).toEqual({
      data: { contextId: id(20), memberPublicKey: ALICE, groupId: GROUP, groupCreated: true },
    });
    const gone = await ask(server, "DELETE", `/admin-api/contexts/${id(20)}`, { requester: ALICE });
    expect(gone.body).toEqual({ data: { isDeleted: true } });
    const again = await ask(server, "DELETE", `/admin-api/contexts/${id(20)}`);
    expect(again.body).toEqual({ data: { isDeleted: false } });
  });

  test("whose application is missing are refused as such", async () => {
    const { status, body } = await post("/admin-api/contexts", {
      applicationId: OTHER_CONTEXT,
      initializationParams: [],
    });
    expect({ status, code: body["code"] }).toEqual({ status: 404, code: "not_found" });
  });

  test("tell storage, identities and group", async () => {
    const of = (what: string): ReturnType<typeof get> => get(`/admin-api/contexts/${CONTEXT}/${what}`);
    expect((await of("storage")).body).toEqual({ data: { sizeInBytes: 42 } });
    expect((await of("identities")).body).toEqual({ data: { identities: [BOB, ALICE] } });
    expect((await of("identities-owned")).body).toEqual({ data: { identities: [ALICE] } });
    expect((await of("group")).body).toEqual({ data: GROUP });
  });

  test("are synced alone or all, joined and moved to another application", async () => {
    const done = { data: {} };
    expect((await post("/admin-api/contexts/sync", {})).body).toEqual(done);
    expect((await post("/admin-api/contexts/sync/", {})).body).toEqual(done);
    expect((await post(`/admin-api/contexts/sync/${CONTEXT}`, {})).body).toEqual(done);
    expect((await post(`/admin-api/contexts/${CONTEXT}/resync`, { force: true })).body).toEqual({
      contextId: CONTEXT,
      resyncStarted: true,
    });
    expect((await post(`/admin-api/contexts/${CONTEXT}/join`, {})).body).toEqual({
      data: { contextId: CONTEXT, memberPublicKey: ALICE },
    });
    const update = { applicationId: APPLICATION, executorPublicKey: ALICE, migrateMethod: "migrate_v2" };
    expect((await post(`/admin-api/contexts/${CONTEXT}/application`, update)).body).toEqual(done);
  });
});

describe("aliases", () => {
  test.each([
    ["context", "contextId", ""],
    ["application", "applicationId", ""],
    ["identity", "identity", `/${CONTEXT}`],
  ])("of a %s are made, found, listed and forgotten", async (kind, field, scope) => {
    const name = "ünder über/ways";
    const path = (verb: string): string => `/admin-api/alias/${verb}/${kind}${scope}`;
    const named = (verb: string): string => `${path(verb)}/${encodeURIComponent(name)}`;
    expect((await post(path("create"), { alias: name, [field]: id(8) })).body).toEqual({ data: {} });
    expect((await post(path("create"), { alias: name, [field]: id(8) })).status).toBe(409);
    expect((await post(named("lookup"), {})).body).toEqual({ data: { value: id(8) } });
    expect((await get(path("list"))).body).toEqual({ data: { [name]: id(8) } });
    expect((await post(named("delete"), {})).body).toEqual({ data: {} });
    expect((await post(named("lookup"), {})).body).toEqual({ data: {} });
  });

  test("have at most 50 bytes", async () => {
    const create = (alias: string): ReturnType<typeof ask> =>
      post("/admin-api/alias/create/context", { alias, contextId: CONTEXT });
    expect((await create("ä".repeat(25))).status).toBe(200);
    expect((await create("ä".repeat(26))).body).toMatchObject({ code: "invalid_argument", field: "alias" });
    expect((await create("")).status).toBe(400);
    expect((await create("\ud800")).status).toBe(400);
  });
});

describe("the node", () => {
  test("says that it is alive and ready, and why it is not", async () => {
    for (const path of ["/health", "/admin-api/health", "/admin-api/is-authed"])
      expect((await get(path)).body).toEqual({ data: { status: "alive" } });
    expect((await get("/ready")).body).toEqual({ data: { status: "ready" } });
    await using stopping = await startServer({ unready: () => "the store is closing" });
    const { status, body } = await ask(stopping, "GET", "/admin-api/ready");
    expect({ status, error: body["error"] }).toEqual({ status: 503, error: "the store is closing" });
  });

  test("says who it is and what it uses", async () => {
    expect((await get("/admin-api/peers")).body).toEqual({ count: 1 });
    expect((await get("/admin-api/identity")).body).toEqual({
      data: {
        accountId: "04".repeat(32),
        deviceId: "04".repeat(32),
        publicKey: ALICE,
        peerId: "12D3Koo",
        version: "0.1.0",
      },
    });
    expect((await get("/admin-api/usage")).body).toMatchObject({ data: { contexts: 1, uptimeSeconds: 1.5 } });
    expect((await post("/admin-api/identity/context", {})).body).toEqual({ data: { publicKey: BOB } });
  });

  test("gives the certificate that it was handed, or none", async () => {
    expect((await get("/admin-api/certificate")).status).toBe(404);
    await using pinned = await startServer({ config: { certificate: "-----BEGIN CERTIFICATE-----" } });
    expect(await (await fetch(`${pinned.url}/admin-api/certificate`)).text()).toBe("-----BEGIN CERTIFICATE-----");
  });

  test("counts requests by route, never by address", async () => {
    await get(`/admin-api/contexts/${CONTEXT}`);
    await get("/nobody/was/here");
    const metrics = await eventually(async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return text.includes('route="/admin-api/contexts/{id}",status="200"') && text.includes('route="none"')
        ? text
        : undefined;
    }, "the two requests in the metrics");
    expect(metrics).not.toContain(CONTEXT);
    expect(metrics).not.toContain("nobody");
  });
});

describe("caps", () => {
  const install = { url: "http://127.0.0.1/a.wasm", metadata: [] as number[] };
  const zeros = (n: number): number[] => Array.from({ length: n }, () => 0);
  const cases: readonly (readonly [string, string, object, string])[] = [
    ["metadata of 64 KiB", "/admin-api/install-application", { ...install, metadata: zeros(65_537) }, "metadata"],
    ["a package name of 128", "/admin-api/install-application", { ...install, package: "p".repeat(129) }, "package"],
    ["a version of 64", "/admin-api/install-application", { ...install, version: "1".repeat(65) }, "version"],
    ["a URL of 2048", "/admin-api/install-application", { ...install, url: `http://a/${"x".repeat(2040)}` }, "url"],
    ["a path of 4096", "/admin-api/install-dev-application", { path: "p".repeat(4097) }, "path"],
    [
      "parameters of 1 MiB",
      "/admin-api/contexts",
      { applicationId: APPLICATION, initializationParams: zeros(1_048_577) },
      "initializationParams",
    ],
    ["bytes only", "/admin-api/install-application", { ...install, metadata: [256] }, "metadata"],
    ["http and https only", "/admin-api/install-application", { ...install, url: "file:///etc/passwd" }, "url"],
  ];
  test.each(cases)("%s", async (_, path, body, field) => {
    const { status, body: answer } = await post(path, body);
    expect({ status, code: answer["code"], field: answer["field"] }).toEqual({
      status: 400,
      code: "invalid_argument",
      field,
    });
  });

  test("what is just within them is taken", async () => {
    const { status } = await post("/admin-api/contexts", {
      applicationId: APPLICATION,
      contextSeed: id(30),
      initializationParams: zeros(1_048_576),
    });
    expect(status).toBe(200);
    const most = { url: `http://a/${"x".repeat(2039)}`, metadata: zeros(65_536), package: "p".repeat(128) };
    expect((await post("/admin-api/install-application", { ...most, version: "1".repeat(64) })).status).toBe(200);
    await ask(server, "DELETE", `/admin-api/contexts/${id(30)}`);
  });
});

describe("refusals", () => {
  test("say error, code, field and the request's id, which is the caller's where it gave one", async () => {
    const { status, headers, body } = await ask(server, "GET", "/admin-api/contexts/abc", undefined, {
      "x-request-id": "mine-1",
    });
    expect(status).toBe(400);
    expect(headers.get("x-request-id")).toBe("mine-1");
    expect(body).toEqual({
      error: "id: expected base58 of 32 bytes",
      code: "invalid_argument",
      field: "id",
      request_id: "mine-1",
    });
  });

  test.each([
    ["malformed JSON", "{", "application/json", 400, "malformed_json"],
    ["another content type", "{}", "text/plain", 415, "unsupported_media_type"],
    ["a field of another type", `{"path":1}`, "application/json", 400, "invalid_argument"],
    ["no object", `[]`, "application/json", 400, "invalid_argument"],
  ])("%s", async (_, text, type, status, code) => {
    const answer = await ask(server, "POST", "/admin-api/install-dev-application", text, { "content-type": type });
    expect({ status: answer.status, code: answer.body["code"] }).toEqual({ status, code });
  });

  test("text that is no UTF-8", async () => {
    const response = await fetch(`${server.url}/admin-api/install-dev-application`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: Uint8Array.of(0x22, 0xff, 0x22),
    });
    expect(await response.json()).toMatchObject({ code: "malformed_json" });
  });

  test("a body beyond 8 MiB", async () => {
    const { status } = await post("/admin-api/contexts", `{"applicationId":"${"x".repeat(8 * 1024 * 1024)}"}`);
    expect(status).toBe(413);
  });

  test("HEAD is answered like GET without the body, but for streams", async () => {
    const head = (path: string): Promise<Response> => fetch(server.url + path, { method: "HEAD" });
    const contexts = await head("/admin-api/contexts");
    expect([contexts.status, await contexts.text()]).toEqual([200, ""]);
    expect((await head("/sse")).status).toBe(405);
  });

  test("a body beyond 256 KiB where anybody may send one", async () => {
    const { status } = await post("/admin-api/tee/attest", { nonce: "0".repeat(256 * 1024) });
    expect(status).toBe(413);
  });

  test("an address that is none, and a verb that an address does not take", async () => {
    expect((await get("/admin-api/nothing")).body).toMatchObject({ code: "not_found" });
    const { status, headers } = await ask(server, "PATCH", "/admin-api/contexts");
    expect([status, headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
  });
});

describe("other sites' pages", () => {
  test("may ask, with any header, and read what they need", async () => {
    const preflight = await fetch(`${server.url}/admin-api/contexts`, {
      method: "OPTIONS",
      headers: {
        origin: "https://app.example",
        "access-control-request-method": "DELETE",
        "access-control-request-headers": "authorization,content-type",
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
    expect(preflight.headers.get("access-control-allow-methods")).toContain("DELETE");
    expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization,content-type");
    const answer = await get("/admin-api/nothing");
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("access-control-expose-headers")).toContain(
      "x-auth-error, x-auth-user, x-auth-permissions",
    );
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("are let in by name where origins are named", async () => {
    await using strict = await startServer({ config: { origins: ["https://app.example"] } });
    const from = (origin: string): ReturnType<typeof ask> => ask(strict, "GET", "/health", undefined, { origin });
    expect((await from("https://app.example")).headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect((await from("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
  });
});
