/** 10,000 mutated requests: valid requests of every endpoint, of JSON-RPC and of sockets, bent. Never a 5xx, a hang or a crash. */
import { Agent, request } from "node:http";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { ask, listGuard, startServer, type TestServer } from "./harness.ts";
import { CONTEXT } from "./ids.ts";
import { pathOf, SAMPLES } from "./samples.ts";

interface Raw {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

let server: TestServer;
let agent: Agent;
beforeAll(async () => {
  // Bound to its own permission, a token meets refusals; `admin` goes further in.
  server = await startServer({ guard: listGuard });
  agent = new Agent({ keepAlive: true, maxSockets: 16 });
});
afterAll(async () => {
  agent.destroy();
  await server.close();
});

const rpcBody = (method: string, params: object): object => ({ jsonrpc: "2.0", id: 1, method, params });
const VALID: readonly { readonly method: string; readonly path: string; readonly body: unknown }[] = [
  ...SAMPLES.filter(({ endpoint: { answer } }) => answer !== "events").map((sample) => ({
    method: sample.endpoint.method,
    path: pathOf(sample),
    body: sample.body,
  })),
  ...["/jsonrpc", "/rpc"].flatMap((path) =>
    [
      rpcBody("execute", { contextId: CONTEXT, method: "get", argsJson: { key: "k" }, substitute: ["a"] }),
      rpcBody("sync_status", { contextId: CONTEXT }),
      rpcBody("set_ephemeral", { contextId: CONTEXT, state: [1, 2] }),
    ].map((body) => ({ method: "POST", path, body })),
  ),
];

/** Bends a value somewhere within: another type, something missing, something too much. */
const bent = (value: unknown): fc.Arbitrary<unknown> => {
  const anything = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom("", "\0", "🦈", -1, 1e21, 2 ** 53, null));
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return anything;
  const within = fc.constantFrom(...Object.keys(value)).chain((key) => {
    const member = (value as Record<string, unknown>)[key];
    const change = fc.oneof(bent(member), anything, fc.constant(undefined));
    return change.map((changed) => (Array.isArray(value) ? [changed] : { ...value, [key]: changed }));
  });
  const extra = fc.record({ __proto__: anything, constructor: anything, requester: anything }, { requiredKeys: [] });
  return fc.oneof(
    within,
    anything,
    extra.map((more) => ({ ...value, ...more })),
  );
};

/** Bends text: cut, doubled, with something put in. */
const bentText = (text: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.nat(text.length),
      fc.constantFrom("", "%", "%00", "/", "..", "?", "#", "[", "\\", "ä", "%C0%AF", "x".repeat(5000)),
    )
    .map(([at, put]) => text.slice(0, at) + put + text.slice(at + (put === "" ? 1 : 0)));

const headers = fc.record(
  {
    authorization: fc.constantFrom(
      "Bearer admin",
      "Bearer",
      "Basic YTpi",
      "Bearer expired",
      `Bearer ${"x".repeat(9000)}`,
    ),
    "content-type": fc.constantFrom("application/json", "application/json; charset=utf-8", "text/plain", "*", ""),
    "x-request-id": fc.constantFrom("a", "b c", "x".repeat(100)),
    "last-event-id": fc.constantFrom("1-1", "-", "9".repeat(50)),
    origin: fc.constantFrom("null", "http://a"),
    expect: fc.constant("100-continue"),
  },
  { requiredKeys: [] },
);

const mutated: fc.Arbitrary<Raw> = fc.constantFrom(...VALID).chain(({ method, path, body }) => {
  const json = body === undefined ? "" : JSON.stringify(body);
  const ofBody = fc.oneof(
    { weight: 4, arbitrary: bent(body).map((value) => Buffer.from(JSON.stringify(value) ?? "")) },
    { weight: 2, arbitrary: bentText(json).map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.constant(Buffer.from(json)) },
  );
  return fc.record({
    method: fc.oneof(
      { weight: 9, arbitrary: fc.constant(method) },
      fc.constantFrom("GET", "PUT", "DELETE", "HEAD", "TRACE"),
    ),
    path: fc.oneof(
      { weight: 5, arbitrary: fc.constant(path) },
      bentText(path),
      fc.constantFrom("*", "//", "/%", "/sse/session/1"),
    ),
    headers: headers.map((more) => ({ authorization: "Bearer admin", "content-type": "application/json", ...more })),
    body: ofBody,
  });
});

const send = ({ method, path, headers: given, body }: Raw): Promise<number> =>
  new Promise((resolve, reject) => {
    const { port } = new URL(server.url);
    const target = encodeURI(path.startsWith("/") || path === "*" ? path : `/${path}`).replaceAll(
      /%25(?=[0-9A-F]{2}|0)/g,
      "%",
    );
    const options = {
      port,
      method,
      path: target,
      agent,
      timeout: 10_000,
      headers: { ...given, "content-length": body.length },
    };
    const outgoing = request(options, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode ?? 0));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`a hang: ${method} ${path}`)));
    // Refused before its body was read, a request may find its connection closed.
    outgoing.on("error", (error) => (error.message.startsWith("a hang") ? reject(error) : resolve(0)));
    outgoing.end(body);
  });

test("10,000 requests", { timeout: 120_000 }, async () => {
  const seed = 20_261_125;
  const all = fc.sample(mutated, { numRuns: 10_000, seed });
  const counts = new Map<number, number>();
  const next = all.values();
  const work = async (): Promise<void> => {
    for (const raw of next) {
      const status = await send(raw);
      counts.set(status, (counts.get(status) ?? 0) + 1);
      if (status >= 500)
        expect.fail(`${status} for ${raw.method} ${raw.path} ${raw.body.toString("latin1").slice(0, 500)}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  // The mutations reach both what is taken and what is refused, each way.
  for (const status of [200, 400, 401, 404, 405, 415]) expect(counts.get(status) ?? 0).toBeGreaterThan(10);
  expect(counts.get(0) ?? 0).toBeLessThan(100);
  expect((await ask(server, "GET", "/health")).status).toBe(200);
});

test("1,000 messages of a socket", async () => {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/ws?token=admin`);
  let answers = 0;
  socket.addEventListener("message", () => (answers += 1));
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const valid = [
    { id: 1, method: "subscribe", params: { contextIds: [CONTEXT] } },
    { id: 2, method: "execute", params: { contextId: CONTEXT, method: "get", argsJson: { key: "k" } } },
  ];
  const messages = fc.constantFrom(...valid).chain((message) =>
    fc.oneof(
      bent(message).map((value) => JSON.stringify(value) ?? ""),
      bentText(JSON.stringify(message)),
      fc.string(),
    ),
  );
  const all = fc.sample(messages, { numRuns: 1000, seed: 7 });
  for (const message of all) socket.send(message);
  await eventually(() => (answers >= all.length ? true : undefined), "an answer to each");
  expect(socket.readyState).toBe(WebSocket.OPEN);
  socket.close();
});
