/** What holds for every endpoint, read from the registry: an endpoint that is added is tested by being declared. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SCOPES, type Scope } from "@shoal/shared/model/account.ts";
import { errorBodySchema } from "@shoal/shared/wire/error-body.ts";
import { ENDPOINT_LIST } from "@shoal/shared/wire/endpoints/index.ts";
import { tenantTables } from "../../../support/seed-tables.ts";
import { makeProcessor, makeTemplate, world, type Answer, type Caller, type World } from "./harness.ts";
import { hasParams, pathOf, sampleBody } from "./samples.ts";

/** Names that both tenants have. */
const COMMON: readonly string[] = ["meter", "1.0.0", "test"];
const NOBODY = "nobody-knows-this-one";
const GUARDED = ENDPOINT_LIST.filter((endpoint) => endpoint.scope !== "public");

let w: World;
let mine: Caller;
let owner: Caller;
let theirs: Caller;
/** Everything by which the other tenant's resources could be named. */
let foreign: readonly string[];

beforeAll(async () => {
  w = await world();
  const [a, b] = [await w.organisation("mine"), await w.organisation("theirs")];
  mine = await w.key(a);
  owner = await w.member(a, "owner");
  theirs = await w.key(b);
  const them = await w.member(b, "owner");
  await them.call("POST", "/organisations/current/invitations", { email: "guest@theirs.test" });
  await makeTemplate(mine);
  await makeTemplate(theirs);
  await makeTemplate(theirs, "theirs-only");
  await makeProcessor(theirs, "theirs-running");
  await w.db.sql.query("insert into sensors (id, organisation_id, name) values ('sns-theirs', $1, 'roof')", [b]);
  foreign = await namesOf(b);
});
afterAll(() => w.close());

async function rowsOf(organisationId: string): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const table of await tenantTables(w.db.sql)) {
    const found = await w.db.sql.query<{ row: string }>(
      `select to_jsonb(t)::text as row from ${table} t where organisation_id = $1 order by 1`,
      [organisationId],
    );
    rows.push(...found.rows.map(({ row }) => `${table} ${row}`));
  }
  return rows;
}

async function namesOf(organisationId: string): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const row of await rowsOf(organisationId)) {
    const fields = JSON.parse(row.slice(row.indexOf(" ") + 1)) as Record<string, unknown>;
    for (const field of ["id", "name", "slug", "version", "email", "user_id", "key"]) {
      const value = fields[field];
      if (typeof value === "string" && !COMMON.includes(value)) names.add(value);
    }
  }
  return [...names];
}

const withoutRequestId = (answer: Answer): unknown => ({
  status: answer.status,
  error: { ...(answer.json["error"] as object), requestId: "" },
});

describe("every endpoint", () => {
  it("refuses a request without a credential, or with one that is malformed, unknown, revoked or expired", async () => {
    const revoked = await w.key(mine.organisationId, SCOPES, { revoked: true });
    const expired = await w.key(mine.organisationId, SCOPES, { expired: true });
    const flipped = `${mine.token.slice(0, -1)}${mine.token.endsWith("0") ? "1" : "0"}`;
    for (const endpoint of GUARDED) {
      for (const token of [undefined, "nonsense", flipped, revoked.token, expired.token]) {
        const answer = await w.as(token).call(endpoint.method, pathOf(endpoint, NOBODY), sampleBody(endpoint));
        expect({ id: endpoint.id, token, status: answer.status }).toEqual({ id: endpoint.id, token, status: 401 });
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
        errorBodySchema.parse(answer.json);
      }
    }
  });

  it("refuses a caller who has every scope but its own", async () => {
    for (const endpoint of GUARDED) {
      if (endpoint.scope === "authenticated") continue;
      const key = await w.key(
        mine.organisationId,
        SCOPES.filter((scope: Scope) => scope !== endpoint.scope),
      );
      const answer = await key.call(endpoint.method, pathOf(endpoint, NOBODY), sampleBody(endpoint), {
        "if-match": "*",
      });
      expect({ id: endpoint.id, status: answer.status }).toEqual({ id: endpoint.id, status: 403 });
      expect(answer.json["error"]).toMatchObject({ code: "permission_denied" });
    }
  });

  it("answers for another tenant's resource as for one that never was, and changes nothing of it", async () => {
    expect(foreign.length).toBeGreaterThan(10);
    const before = await rowsOf(theirs.organisationId);
    for (const endpoint of GUARDED.filter(hasParams)) {
      const ask = (name: string): Promise<Answer> =>
        owner.call(endpoint.method, pathOf(endpoint, name), sampleBody(endpoint), { "if-match": "*" });
      const nobody = withoutRequestId(await ask(NOBODY));
      expect(nobody, endpoint.id).toMatchObject({ status: 404 });
      for (const name of foreign)
        expect({ id: endpoint.id, name, answer: withoutRequestId(await ask(name)) }).toEqual({
          id: endpoint.id,
          name,
          answer: nobody,
        });
    }
    for (const [field, name] of [
      ["template", "theirs-only"],
      ["sensor_id", "sns-theirs"],
    ] as const) {
      const body = { name: "borrowed", template: "meter", [field]: name };
      expect((await mine.call("POST", "/processors", body)).json["error"]).toMatchObject({ field });
    }
    expect(await rowsOf(theirs.organisationId)).toEqual(before);
  });

  it("shows nothing of another tenant in a list, whatever it is filtered by", async () => {
    for (const endpoint of GUARDED.filter((each) => each.method === "GET" && !hasParams(each))) {
      const filters = Object.keys(endpoint.query.shape).filter((name) => !["limit", "cursor", "after"].includes(name));
      const queries = [
        "",
        ...filters.flatMap((filter) => foreign.map((name) => `?${filter}=${encodeURIComponent(name)}`)),
      ];
      for (const query of queries) {
        const answer = await owner.call("GET", `${pathOf(endpoint, "")}${query}`);
        const shown = foreign.filter(
          (name) => !query.includes(encodeURIComponent(name)) && answer.text.includes(`"${name}"`),
        );
        expect({ id: endpoint.id, query, status: answer.status < 500, shown }).toEqual({
          id: endpoint.id,
          query,
          status: true,
          shown: [],
        });
        if (query !== "" && answer.status === 200 && "items" in answer.json)
          expect(answer.json["items"], endpoint.id + query).toEqual([]);
      }
    }
  });

  it("answers what it declares, with the headers that every answer carries", async () => {
    for (const endpoint of GUARDED.filter((each) => each.method === "GET" && !hasParams(each))) {
      const answer = await owner.call("GET", pathOf(endpoint, ""));
      const declared = endpoint.responses[answer.status];
      expect({ id: endpoint.id, status: answer.status, declared: declared !== undefined }).toEqual({
        id: endpoint.id,
        status: 200,
        declared: true,
      });
      if (typeof declared === "object") declared.parse(answer.json);
      for (const name of [
        "x-request-id",
        "x-content-type-options",
        "content-security-policy",
        "strict-transport-security",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
      ])
        expect({ id: endpoint.id, name, value: answer.headers.get(name) }).toMatchObject({
          value: expect.any(String) as string,
        });
    }
  });

  it("takes only the methods that are declared for its address, and says which", async () => {
    for (const { path } of ENDPOINT_LIST) {
      const answer = await mine.call("OPTIONS", path.slice("/api/v1".length).replaceAll(/[{}]/g, ""));
      const declared = ENDPOINT_LIST.filter((each) => each.path === path).map((each) => each.method);
      expect(answer.status, path).toBe(405);
      for (const method of declared) expect(answer.headers.get("allow")).toContain(method);
    }
    expect((await mine.call("GET", "/nowhere")).json["error"]).toMatchObject({ code: "not_found" });
  });
});

describe("the OpenAPI document", () => {
  it("is valid OpenAPI 3.1", async () => {
    const { json } = await w.as(undefined).call("GET", "/openapi.json");
    const validator = new Validator();
    expect(await validator.validate(json)).toMatchObject({ valid: true });
    expect(validator.version).toBe("3.1");
  });

  it("lists exactly the registry", async () => {
    const { json } = await w.as(undefined).call("GET", "/openapi.json");
    const paths = json["paths"] as Record<string, Record<string, { operationId: string }>>;
    const listed = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
    );
    expect(listed.sort()).toEqual(ENDPOINT_LIST.map(({ id, method, path }) => `${id} ${method} ${path}`).sort());
  });
});
