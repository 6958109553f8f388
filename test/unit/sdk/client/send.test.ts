/** Calls over real HTTP; pauses pass on a virtual clock, which notes how long each was. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ApiError, createClient, type Client } from "@shoal/client/index.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { operation, processor, template } from "../../../support/registry-samples.ts";
import { startRegistryServer, TOKEN, type Handler, type RegistryServer } from "../../../support/registry-server.ts";

let server: RegistryServer;
let pauses: number[];
let client: Client;
let skipped: number;
const clock: Clock = {
  ...systemClock,
  monotonic: () => skipped,
  sleep: (span) => {
    pauses.push(span);
    skipped += span;
    return Promise.resolve();
  },
};
const accepted = { operation: operation(), processor: processor() };
const create = { body: { name: "meter", template: "host-metrics" } } as const;

beforeEach(async () => {
  [pauses, skipped] = [[], 0];
  server = await startRegistryServer({});
  client = createClient({ baseUrl: server.url, token: TOKEN, clock, random: seeded(1), validateAnswers: true });
});
afterEach(() => server.stop());

/** Fails by each of `faults`, then answers. */
function failing(faults: readonly (() => unknown)[], answer: unknown): Handler {
  let calls = 0;
  return (call) => {
    const fault = faults[calls++];
    if (fault === undefined) return answer;
    if (fault() === "cut") call.response.destroy();
    return undefined;
  };
}
const refuse = (error: ShoalError) => (): never => {
  throw error;
};
const unavailable = refuse(new ShoalError("unavailable", "busy"));

describe("what may succeed is tried again", () => {
  test("with one key for all tries, over 429, 503 and a lost answer", async () => {
    const limited = refuse(new ShoalError("rate_limited", "slow down", { retryAfterSeconds: 7 }));
    server.handlers["processors.create"] = failing([unavailable, limited, () => "cut"], accepted);
    expect(await client.call("processors.create", create)).toEqual(accepted);
    const keys = server.calls.map((call) => call.headers["idempotency-key"]);
    expect(keys).toHaveLength(4);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(pauses[1]).toBe(7000);
    expect(pauses[0]).toBeGreaterThanOrEqual(125);
  });

  test("with the caller's own key where one is given", async () => {
    server.handlers["processors.create"] = () => accepted;
    await client.call("processors.create", { ...create, idempotencyKey: "mine" });
    expect(server.calls[0]?.headers["idempotency-key"]).toBe("mine");
  });

  test("not for ever", async () => {
    server.handlers["processors.get"] = unavailable;
    await expect(client.call("processors.get", { params: { id: "a" } })).rejects.toMatchObject({
      code: "unavailable",
      status: 503,
    });
    expect(server.calls).toHaveLength(6);
  });

  test("not past the deadline", async () => {
    server.handlers["processors.get"] = refuse(new ShoalError("rate_limited", "wait", { retryAfterSeconds: 61 }));
    await expect(client.call("processors.get", { params: { id: "a" } })).rejects.toMatchObject({
      retryAfterSeconds: 61,
    });
    expect(pauses).toEqual([]);
  });
});

test("a conditional change is not repeated after a lost answer, and is after a refusal that changed nothing", async () => {
  const update = { params: { id: "meter" }, body: { name: "m" }, ifMatch: 1 } as const;
  server.handlers["processors.update"] = failing([() => "cut"], accepted);
  await expect(client.call("processors.update", update)).rejects.toMatchObject({ code: "unavailable" });
  expect(server.calls).toHaveLength(1);
  server.handlers["processors.update"] = failing([unavailable], accepted);
  await client.call("processors.update", update);
  expect(server.calls[1]?.headers["if-match"]).toBe('"1"');
});

describe("what fails", () => {
  test("for good is told once, with code, field, status and request id", async () => {
    server.handlers["processors.create"] = refuse(
      new ShoalError("already_exists", "the name is taken", { field: "name" }),
    );
    const thrown = await client.call("processors.create", create).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(ApiError);
    expect(thrown).toMatchObject({
      code: "already_exists",
      field: "name",
      status: 409,
      requestId: "req-test",
      message: "the name is taken",
    });
    expect(server.calls).toHaveLength(1);
  });

  test("at a proxy keeps its status, and a gateway's refusal is tried again", async () => {
    const html =
      (status: number): Handler =>
      (call) =>
        call.response.writeHead(status).end("<html>");
    server.handlers["processors.get"] = html(404);
    await expect(client.call("processors.get", { params: { id: "a" } })).rejects.toMatchObject({
      code: "not_found",
      status: 404,
    });
    server.handlers["processors.get"] = html(502);
    await expect(client.call("processors.get", { params: { id: "a" } })).rejects.toMatchObject({
      code: "unavailable",
      status: 502,
    });
    expect(server.calls).toHaveLength(7);
  });

  test("with nobody there says where it looked", async () => {
    await server.stop();
    await expect(client.call("sessions.current")).rejects.toMatchObject({
      code: "unavailable",
      message: `no answer from ${server.url}: ECONNREFUSED`,
    });
  });

  test("an answer that is not as declared is an error where answers are validated, and where they are no JSON", async () => {
    const reply =
      (text: string): Handler =>
      (call) =>
        call.response.writeHead(200).end(text);
    server.handlers["templates.get"] = reply('{"id":1}');
    await expect(client.call("templates.get", { params: { id: "a" } })).rejects.toMatchObject({
      code: "internal",
      field: "id",
    });
    const lenient = createClient({ baseUrl: server.url, token: TOKEN, clock });
    await expect(lenient.call("templates.get", { params: { id: "a" } })).resolves.toEqual({ id: 1 });
    server.handlers["templates.get"] = reply("<html>");
    await expect(lenient.call("templates.get", { params: { id: "a" } })).rejects.toMatchObject({ code: "internal" });
  });

  test("by the caller's signal is cancelled, also in a pause", async () => {
    const stop = new AbortController();
    server.handlers["processors.get"] = () => stop.abort();
    const real = createClient({ baseUrl: server.url, token: TOKEN });
    await expect(real.call("processors.get", { params: { id: "a" }, signal: stop.signal })).rejects.toMatchObject({
      code: "cancelled",
    });
    const later = new AbortController();
    server.handlers["processors.get"] = () => {
      setImmediate(() => later.abort());
      throw new ShoalError("unavailable", "busy", { retryAfterSeconds: 30 });
    };
    await expect(real.call("processors.get", { params: { id: "a" }, signal: later.signal })).rejects.toMatchObject({
      code: "cancelled",
    });
  });
});

test("items go over all pages", async () => {
  server.handlers["templates.list"] = ({ query }) => {
    const from = Number(query["cursor"] ?? 0);
    const items = [from, from + 1].map((n) => template({ slug: `t${n}` }));
    return { items, next_cursor: from < 4 ? String(from + 2) : null };
  };
  const slugs: string[] = [];
  for await (const item of client.items("templates.list", { query: { limit: 2 } })) slugs.push(item.slug);
  expect(slugs).toEqual(["t0", "t1", "t2", "t3", "t4", "t5"]);
  expect(server.calls.map((call) => call.query["limit"])).toEqual([2, 2, 2]);
});

describe("waiting for an operation", () => {
  test("asks until it has ended, and gives it back however it ended", async () => {
    const states = ["pending", "running", "failed"] as const;
    const seen: string[] = [];
    server.handlers["operations.get"] = () => operation({ state: states[server.calls.length - 1] ?? "failed" });
    const ended = await client.waitForOperation("op-1", { onProgress: ({ state }) => seen.push(state) });
    expect([ended.state, seen]).toEqual(["failed", ["pending", "running", "failed"]]);
    expect(server.calls[0]?.query["wait"]).toBe("25s");
  });

  test("ends with its time, which says nothing of the operation", async () => {
    server.handlers["operations.get"] = () => operation({ state: "running" });
    const waiting = client.waitForOperation("op-1", { timeout: 1000 as never });
    await expect(waiting).rejects.toMatchObject({ code: "deadline_exceeded" });
  });
});
