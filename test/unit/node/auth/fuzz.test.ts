/** Whatever is sent wherever: the envelope, never a fault of ours. */
import * as fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { tokenRequest, world, type Pair, type World } from "./harness.ts";

let w: World;
let admin: Pair;
beforeAll(async () => {
  w = await world();
  admin = await w.tokens();
});

const ID = "0".repeat(32);
const GOOD: readonly (readonly [method: string, path: string, body: unknown])[] = [
  ["POST", "/auth/token", tokenRequest()],
  ["POST", "/auth/refresh", { access_token: "a.b.c", refresh_token: "a.b.c" }],
  ["POST", "/auth/validate", {}],
  ["POST", "/admin/revoke", { client_id: ID }],
  [
    "POST",
    "/admin/keys",
    { public_key: "k", auth_method: "user_password", provider_data: { username: "u", password: "p" } },
  ],
  [
    "POST",
    "/admin/client-key",
    { context_id: "c", context_identity: "i", permissions: ["blob"], target_node_url: "http://n" },
  ],
  ["PUT", `/admin/keys/${ID}/permissions`, { add: ["blob"], remove: ["admin"] }],
  ["DELETE", `/admin/keys/${ID}`, {}],
  ["DELETE", `/admin/keys/${ID}/clients/${ID}`, {}],
];

const json = fc.oneof(
  { depthSize: "small" },
  fc.jsonValue({ stringUnit: "binary" }),
  fc.constantFrom(null, [], "", "\0", 1e308, -1, "a".repeat(5000), { __proto__: 1 }, ["admin"], ["\ud800"]),
);
const mutated = (good: object): fc.Arbitrary<unknown> =>
  fc.oneof(
    json,
    fc.tuple(fc.constantFrom(...Object.keys(good), "x"), json).map(([field, value]) => ({ ...good, [field]: value })),
  );

it.each(GOOD)("%s %s", async (method, path, good) => {
  const token = fc.constantFrom(admin.access_token, admin.refresh_token, "x", "", "a.b.c");
  await fc.assert(
    fc.asyncProperty(mutated(good as object), token, fc.nat(), async (body, bearer, from) => {
      const answer = await w.call(method, path, {
        token: bearer,
        body,
        address: `10.0.${from % 256}.${(from >> 8) % 256}`,
      });
      expect(answer.status).toBeLessThan(500);
      expect(answer.error === null).toBe(answer.status === 200);
    }),
    { numRuns: 150 },
  );
});

it("is told what a body has to be", async () => {
  const send = async (body: string, headers = {}): Promise<readonly [number, string | null]> => {
    const { status, headers: got } = await w.call("POST", "/auth/refresh", { body, headers });
    return [status, got.get("x-auth-error")];
  };
  expect(await send("{")).toEqual([400, "invalid_request"]);
  expect(await send("")).toEqual([400, "invalid_request"]);
  expect(await send("[".repeat(100_000))).toEqual([400, "invalid_request"]);
  expect((await send("{}", { "content-type": "text/plain" }))[0]).toBe(415);
  expect((await send(JSON.stringify({ access_token: "a".repeat(1024 * 1024) })))[0]).toBe(413);
});

it("never repeats what was sent", async () => {
  const body = tokenRequest({ provider_data: { username: 7, password: "my secret" } });
  const { status, error } = await w.call("POST", "/auth/token", { body });
  expect(status).toBe(400);
  expect(error).toMatch(/^provider_data.username: /);
  expect(error).not.toContain("my secret");
});

it("answers any address", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH"), fc.webPath(), async (method, tail) => {
      for (const root of ["/auth", "/admin", "/admin/keys"]) {
        const { status } = await w.call(method, root + tail, { token: admin.access_token });
        expect(status).toBeLessThan(500);
      }
    }),
    { numRuns: 200 },
  );
});
