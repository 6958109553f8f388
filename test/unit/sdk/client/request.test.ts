import { describe, expect, test } from "vitest";
import { checkedBase, prepare } from "@shoal/client/request.ts";
import { ENDPOINTS } from "@shoal/shared/wire/endpoints/index.ts";

const none = { token: undefined, idempotencyKey: undefined };

describe("a request", () => {
  test("has its parameters, query, body and headers where the endpoint declares them", () => {
    const request = prepare(
      "http://x",
      ENDPOINTS["processors.update"],
      { params: { id: "a b" }, body: { name: "n" }, ifMatch: 4 },
      { token: "t", idempotencyKey: undefined },
    );
    expect(request).toMatchObject({ method: "PATCH", url: "http://x/api/v1/processors/a%20b", body: '{"name":"n"}' });
    expect(request.headers).toMatchObject({
      authorization: "Bearer t",
      "if-match": '"4"',
      "content-type": "application/json",
    });
    const list = prepare(
      "http://x",
      ENDPOINTS["processors.logs"],
      { params: { id: "a" }, query: { tail: 5, follow: true, previous: undefined } },
      none,
    );
    expect(list.url).toBe("http://x/api/v1/processors/a/logs?tail=5&follow=true");
  });

  test.each(["", ".", "..", undefined, 7])("a parameter stays in its segment: %j is refused", (id) => {
    const run = (): unknown => prepare("http://x", ENDPOINTS["processors.get"], { params: { id } }, none);
    expect(run).toThrow(expect.objectContaining({ code: "invalid_argument", field: "id" }));
  });

  test("a parameter stays in its segment: separators are encoded", () => {
    const { url } = prepare("http://x", ENDPOINTS["processors.get"], { params: { id: "../../keys?x#y" } }, none);
    expect(new URL(url).pathname).toBe("/api/v1/processors/..%2F..%2Fkeys%3Fx%23y");
  });

  test("a public endpoint is not shown the credential", () => {
    const request = prepare("http://x", ENDPOINTS["openapi.get"], {}, { token: "secret", idempotencyKey: undefined });
    expect(JSON.stringify(request)).not.toContain("secret");
  });
});

test.each(["", "shoal", "ftp://x", "http://u:p@x", "http://x/?a=1"])("base %j is refused with its field", (base) => {
  expect(() => checkedBase(base)).toThrow(expect.objectContaining({ code: "invalid_argument", field: "baseUrl" }));
});

test("a base may have a path and an ending slash", () => {
  expect(checkedBase("https://x.example/shoal/")).toBe("https://x.example/shoal");
});
