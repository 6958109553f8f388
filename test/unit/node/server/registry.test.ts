/** Every endpoint, walked over: who may call it, what ids it takes, and that its answers are what it declares. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Validator } from "@seriousme/openapi-schema-validator";
import type { z } from "zod";
import { ask, listGuard, startServer, type Answer, type TestServer } from "./harness.ts";
import { CONTEXT } from "./ids.ts";
import { pathOf, permissionOf, SAMPLES, type Sample } from "./samples.ts";

let open: TestServer;
let guarded: TestServer;
beforeAll(async () => {
  open = await startServer();
  guarded = await startServer({ guard: listGuard });
});
afterAll(() => Promise.all([open.close(), guarded.close()]));

const jsonSamples = SAMPLES.filter(({ endpoint: { answer } }) => typeof answer !== "string");
const closed = SAMPLES.filter(({ endpoint: { permission } }) => permission !== "public");
const send = (server: TestServer, sample: Sample, token?: string): Promise<Answer> =>
  ask(server, sample.endpoint.method, pathOf(sample), sample.body, token === undefined ? {} : { authorization: token });
const named = (samples: readonly Sample[]): readonly (readonly [string, Sample])[] =>
  samples.map((sample) => [sample.endpoint.id, sample]);

test("ids and addresses are unique, and parameters are those of the path", () => {
  const ids = SAMPLES.map(({ endpoint }) => endpoint.id);
  expect(new Set(ids).size).toBe(ids.length);
  const addresses = SAMPLES.map(({ endpoint: { method, path } }) => `${method} ${path.replaceAll(/\{\w+\}/g, "{}")}`);
  expect(new Set(addresses).size).toBe(addresses.length);
  for (const { endpoint } of SAMPLES) {
    const inPath = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(Object.keys(endpoint.params.shape)).toEqual(inPath);
  }
});

describe("without a token", () => {
  test.each(named(closed))("%s is 401", async (_, sample) => {
    const { status, headers } = await send(guarded, sample);
    expect([status, headers.get("x-auth-error")]).toEqual([401, "missing_token"]);
  });

  test.each(named(closed.filter(({ params }) => Object.keys(params).length > 0)))(
    "%s is 401 whatever its parameters are",
    async (_, sample) => {
      const params = Object.fromEntries(Object.keys(sample.params).map((name) => [name, "]["]));
      expect((await send(guarded, { ...sample, params })).status).toBe(401);
    },
  );
});

describe("with a token for something else", () => {
  const scoped = closed.filter(({ endpoint: { permission } }) => permission !== "authenticated");
  test.each(named(scoped))("%s is 403", async (_, sample) => {
    const { status, headers } = await send(guarded, sample, "Bearer nothing");
    expect([status, headers.get("x-auth-error")]).toEqual([403, "permission_denied"]);
  });

  test.each(named(scoped.filter(({ endpoint: { answer } }) => typeof answer !== "string")))(
    "%s is let through by exactly its permission",
    async (_, sample) => {
      expect((await send(guarded, sample, `Bearer ${permissionOf(sample)}`)).status).not.toBe(403);
    },
  );
});

describe("ids are validated", () => {
  const withIds = SAMPLES.filter(({ params }) => Object.values(params).includes(CONTEXT));
  test.each(named(withIds))("%s", async (_, sample) => {
    const wrong = ["0", "l".repeat(44), CONTEXT.slice(0, 20), "z".repeat(44), CONTEXT + CONTEXT, "\0"];
    for (const id of wrong) {
      const params = Object.fromEntries(
        Object.entries(sample.params).map(([name, value]) => [name, value === CONTEXT ? id : value]),
      );
      const { method } = sample.endpoint;
      const response = await fetch(open.url + pathOf({ ...sample, params }), { method });
      await response.arrayBuffer();
      expect(response.status).toBe(400);
    }
  });
});

describe("answers are what is declared", () => {
  test.each(named(jsonSamples))("%s", async (_, sample) => {
    const { status, body } = await send(open, sample);
    if (status !== 200) return expect(status).toBeLessThan(500);
    const { answer } = sample.endpoint;
    expect((answer as z.ZodType).safeParse(body).error).toBeUndefined();
  });

  test("and stay so in the OpenAPI document, which is valid", async () => {
    const { body } = await ask(open, "GET", "/admin-api/openapi.json");
    const result = await new Validator().validate(body);
    expect(result).toMatchObject({ valid: true });
    const operations = Object.values(body["paths"] as Record<string, object>).flatMap((path) => Object.keys(path));
    expect(operations).toHaveLength(SAMPLES.length);
  });
});
