/** Whatever is sent to whichever endpoint: an answer in the API's own words, never a fault of ours. */
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { errorBodySchema } from "@shoal/shared/wire/error-body.ts";
import { ENDPOINT_LIST } from "@shoal/shared/wire/endpoints/index.ts";
import { makeProcessor, makeTemplate, world, type Caller, type World } from "./harness.ts";
import { pathOf, sampleBody } from "./samples.ts";

let w: World;
let me: Caller;
beforeAll(async () => {
  w = await world();
  me = await w.member(await w.organisation("acme"), "owner");
  await makeTemplate(me);
  await makeProcessor(me, "known");
});
afterAll(() => w.close());

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("known", "meter", "\0", "%", "..", "__proto__", "a".repeat(5000)),
);
const json = fc.oneof(
  { depthSize: "small" },
  fc.jsonValue({ stringUnit: "binary" }),
  fc.constantFrom(null, [], "", 1e308, { __proto__: 1 }),
);
const header = fc.string({ unit: "grapheme-ascii", maxLength: 60 }).map((value) => value.trim());
const FOLLOWING = ENDPOINT_LIST.filter((endpoint) => endpoint.id !== "sessions.end");

/** A body that is nearly right: one field of a good one replaced, one added, or anything at all. */
const mutated = (good: unknown): fc.Arbitrary<unknown> => {
  const fields = typeof good === "object" && good !== null ? Object.keys(good) : [];
  const near =
    fields.length === 0
      ? json
      : fc.tuple(fc.constantFrom(...fields), json).map(([field, value]) => ({ ...(good as object), [field]: value }));
  return fc.oneof(
    near,
    json,
    fc.tuple(text, json).map(([name, value]) => ({ ...(good as object), [name]: value })),
  );
};

it.each(FOLLOWING.map((endpoint) => [endpoint.id, endpoint] as const))("%s", async (_id, endpoint) => {
  const query = fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(endpoint.query.shape), "x"), text), text, {
    maxKeys: 3,
  });
  const headers = fc.dictionary(
    fc.constantFrom("if-match", "idempotency-key", "x-request-id", "traceparent", "last-event-id", "content-type"),
    header,
    { maxKeys: 3 },
  );
  await fc.assert(
    fc.asyncProperty(text, query, mutated(sampleBody(endpoint)), headers, async (parameter, asked, body, sent) => {
      const { wait: _wait, ...rest } = asked;
      const path = `${pathOf(endpoint, parameter.toWellFormed())}?${new URLSearchParams(rest).toString()}`;
      const content = endpoint.method === "GET" ? undefined : JSON.stringify(body);
      const answer = await me.call(endpoint.method, path, content, { accept: "application/json", ...sent });
      expect(answer.status).toBeLessThan(500);
      if (answer.status >= 400) errorBodySchema.parse(answer.json);
    }),
    { numRuns: 60 },
  );
});
