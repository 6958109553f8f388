/** WebSocket: subscriptions, calls, events, and how clients are sent away. */
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { seconds } from "@shoal/shared/base/time.ts";
import type { Guard } from "@shoal/node/auth/contract.ts";
import type { NodeEvent } from "@shoal/node/model/event.ts";
import { eventually } from "../../../support/clock.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";
import { ask, listGuard, startServer, type TestServer } from "./harness.ts";
import { ALICE, CONTEXT, GROUP, OTHER_CONTEXT } from "./ids.ts";

interface Client {
  readonly received: Record<string, unknown>[];
  readonly closed: { readonly code: number; readonly reason: string } | undefined;
  send(message: unknown): void;
  /** The answer to the message with this id. */
  answer(id: number): Promise<Record<string, unknown>>;
  close(): void;
}

const clients: Client[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

async function open(server: Pick<TestServer, "url">, query = ""): Promise<Client> {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/ws${query}`);
  const received: Record<string, unknown>[] = [];
  let closed: Client["closed"];
  socket.addEventListener("message", ({ data }) => received.push(JSON.parse(String(data)) as never));
  socket.addEventListener("close", ({ code, reason }) => (closed = { code, reason }));
  const client: Client = {
    received,
    get closed() {
      return closed;
    },
    send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    answer: (id) => eventually(() => received.find((each) => each["id"] === id), `an answer to ${id}`),
    close: () => socket.close(),
  };
  clients.push(client);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("refused")));
  });
  return client;
}

const mutation = (contextId = CONTEXT): NodeEvent => ({
  contextId,
  event: {
    type: "StateMutation",
    newRoot: "root",
    events: [{ kind: "Set", data: Uint8Array.of(1, 2), handler: "on" }],
  },
});

let server: TestServer;
beforeAll(async () => (server = await startServer()));
afterAll(() => server.close());

describe("a socket", () => {
  test("is told the events of what it subscribed to, in upstream's JSON, until it has enough", async () => {
    const client = await open(server);
    client.send({ id: 1, method: "subscribe", params: { contextIds: [CONTEXT], groupIds: [GROUP.toUpperCase()] } });
    expect(await client.answer(1)).toEqual({ id: 1, result: { contextIds: [CONTEXT], groupIds: [GROUP] } });
    server.bus.publish(mutation());
    server.bus.publish(mutation(OTHER_CONTEXT));
    server.bus.publish({ groupId: GROUP, event: { type: "MemberJoined", data: { member: "m" } } });
    await eventually(() => (client.received.length === 3 ? true : undefined), "two events");
    expect(client.received.slice(1)).toEqual([
      {
        id: null,
        result: {
          contextId: CONTEXT,
          type: "StateMutation",
          data: { newRoot: "root", events: [{ kind: "Set", data: [1, 2], handler: "on" }] },
        },
      },
      { id: null, result: { groupId: GROUP, type: "MemberJoined", data: { member: "m" } } },
    ]);
    client.send({ id: 2, method: "unsubscribe", params: { contextIds: [CONTEXT] } });
    expect(await client.answer(2)).toEqual({ id: 2, result: { contextIds: [CONTEXT] } });
    server.bus.publish(mutation());
    client.send({ id: 3, method: "unsubscribe", params: { contextIds: [] } });
    await client.answer(3);
    expect(client.received).toHaveLength(5);
  });

  test.each([
    [{ type: "SyncStatus", syncState: "idle" }, { syncState: "idle" }],
    [{ type: "AppVersionChanged", toVersion: "2.0.0" }, { toVersion: "2.0.0" }],
    [
      { type: "XCall", targetContextId: OTHER_CONTEXT, function: "f", outcome: "ok" },
      { targetContextId: OTHER_CONTEXT, function: "f", outcome: "ok" },
    ],
    [
      { type: "Ephemeral", author: ALICE, state: Uint8Array.of(9), removed: false, ageMs: 5 },
      { author: ALICE, state: [9], removed: false, ageMs: 5 },
    ],
  ] as const)("is told %j", async (event, data) => {
    const client = await open(server);
    client.send({ id: 1, method: "subscribe", params: { contextIds: [CONTEXT] } });
    await client.answer(1);
    server.bus.publish({ contextId: CONTEXT, event });
    const told = await eventually(() => client.received[1], "the event");
    expect(told["result"]).toEqual({ contextId: CONTEXT, type: event.type, data });
  });

  test("executes, with the results and errors of JSON-RPC", async () => {
    const client = await open(server);
    const call = { contextId: CONTEXT, method: "get", argsJson: { key: "k" } };
    client.send({ id: 1, method: "execute", params: call });
    client.send({ id: 2, method: "execute", params: { ...call, contextId: OTHER_CONTEXT } });
    expect(await client.answer(1)).toEqual({ id: 1, result: { output: null } });
    expect(await client.answer(2)).toMatchObject({
      error: { type: "ExecuteError", data: { type: "ContextNotFound" } },
    });
  });

  test.each([
    ["text that is no JSON", "{"],
    ["no object", "[]"],
    ["an unknown method", { method: "query", params: {} }],
    ["no params", { method: "subscribe" }],
    ["a context id of other length", { method: "subscribe", params: { contextIds: ["abc"] } }],
    ["an id that is an object", { id: {}, method: "subscribe", params: { contextIds: [] } }],
    ["too many topics", { method: "subscribe", params: { contextIds: Array.from({ length: 1001 }, () => CONTEXT) } }],
  ])("answers %s with a ParseError, and goes on", async (_, message) => {
    const client = await open(server);
    client.send(message);
    const [answer] = await eventually(() => (client.received.length === 1 ? client.received : undefined), "an answer");
    expect(answer).toMatchObject({ id: null, error: { type: "ParseError" } });
    client.send({ id: 7, method: "subscribe", params: { contextIds: [CONTEXT] } });
    expect(await client.answer(7)).toHaveProperty("result");
  });

  test("does 32 commands at a time, and refuses the next", async () => {
    const client = await open(server);
    const release = Promise.withResolvers<undefined>();
    server.contexts.run = () => release.promise;
    const call = { method: "execute", params: { contextId: CONTEXT, method: "get", argsJson: {} } };
    for (let id = 1; id <= 33; id++) client.send({ id, ...call });
    expect(await client.answer(33)).toMatchObject({ error: { type: "TooManyCommands" } });
    expect(client.received).toHaveLength(1);
    release.resolve(undefined);
    await eventually(() => (client.received.length === 33 ? true : undefined), "all answers");
    server.contexts.run = undefined;
  });

  test("that sends more than 16 MiB at once is closed", async () => {
    const client = await open(server);
    client.send("x".repeat(16 * 1024 * 1024 + 1));
    expect(await eventually(() => client.closed, "the end")).toMatchObject({ code: 1009 });
  });
});

describe("who may", () => {
  let guarded: TestServer;
  beforeAll(async () => (guarded = await startServer({ guard: listGuard })));
  afterAll(() => guarded.close());

  test("nobody opens a socket without a token", async () => {
    await expect(open(guarded)).rejects.toThrow("refused");
    const upgrade = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n";
    const answer = await raw(
      guarded,
      `${upgrade}sec-websocket-version: 13\r\nsec-websocket-key: ${"A".repeat(22)}==\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 401 Unauthorized[\s\S]*x-auth-error: missing_token/);
  });

  test("a token subscribes to its contexts and groups only, and executes what it may", async () => {
    const token = [`context:list[${CONTEXT},${ALICE}]`, `group:list[${GROUP}]`].join(" ");
    const client = await open(guarded, `?token=${encodeURIComponent(token)}`);
    client.send({ id: 1, method: "subscribe", params: { contextIds: [CONTEXT, OTHER_CONTEXT], groupIds: [GROUP] } });
    expect(await client.answer(1)).toEqual({ id: 1, result: { contextIds: [CONTEXT], groupIds: [GROUP] } });
    client.send({ id: 2, method: "subscribe", params: { contextIds: [OTHER_CONTEXT] } });
    expect(await client.answer(2)).toMatchObject({ error: { type: "Unauthorized" } });
    client.send({ id: 3, method: "execute", params: { contextId: CONTEXT, method: "get", argsJson: {} } });
    expect(await client.answer(3)).toMatchObject({ error: { type: "Unauthorized" } });
  });

  test("the guard sees the handshake as the request that it is", async () => {
    const seen: (string | null)[] = [];
    const guard: Guard = {
      check: async ({ url, headers }) => {
        seen.push(new URL(url).host, headers.get("host"), headers.get("upgrade"));
        return { keyId: "k", permissions: ["admin"] };
      },
    };
    await using watched = await startServer({ guard });
    await open(watched);
    const { host } = new URL(watched.url);
    expect(seen).toEqual([host, host, null]);
  });

  test("a socket is not elsewhere", async () => {
    await expect(open({ url: `${server.url}/other` })).rejects.toThrow("refused");
    expect((await ask(server, "GET", "/ws")).status).toBe(404);
    const answer = await raw(
      server,
      "GET // HTTP/1.1\r\nhost: :::\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    );
    expect(answer).toMatch(/^HTTP\/1.1 400/);
  });

  test("a request that would rather speak another protocol is served in this one", async () => {
    const head = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n";
    expect(await raw(server, head)).toMatch(/^HTTP\/1.1 200/);
  });

  test("more sockets than the limit are told to come later", async () => {
    await using small = await startServer({ limits: { sockets: 1 } });
    await open(small);
    await expect(open(small)).rejects.toThrow("refused");
  });
});

describe("the end of a socket", () => {
  test("comes for whoever leaves a ping unanswered for 10 s, and for nobody else", async () => {
    const clock = createVirtualClock();
    await using watched = await startServer({ clock });
    const alive = await open(watched);
    const silent = await silentClient(watched);
    await clock.advance(seconds(30));
    alive.send({ id: 1, method: "subscribe", params: { contextIds: [] } });
    await alive.answer(1);
    await clock.advance(seconds(9));
    expect(silent.destroyed).toBe(false);
    await clock.advance(seconds(1));
    await eventually(() => (silent.destroyed ? true : undefined), "the silent client's end");
    alive.send({ id: 2, method: "subscribe", params: { contextIds: [] } });
    expect(await alive.answer(2)).toHaveProperty("result");
    expect(await watched.registry.metrics()).toContain(
      'shoal_node_clients_dropped_total{kind="socket",reason="silent"} 1',
    );
  });

  test("comes with a reason for whoever does not read", async () => {
    const clock = createVirtualClock();
    await using small = await startServer({ clock, limits: { sendBufferBytes: 100_000 } });
    const client = await silentClient(small);
    client.write(frame(JSON.stringify({ id: 1, method: "subscribe", params: { contextIds: [CONTEXT] } })));
    client.pause();
    const event: NodeEvent = { contextId: CONTEXT, event: { type: "SyncStatus", syncState: "s".repeat(500_000) } };
    await eventually(async () => {
      small.bus.publish(event);
      const metrics = await small.registry.metrics();
      return metrics.includes('shoal_node_clients_dropped_total{kind="socket",reason="slow"} 1') ? true : undefined;
    }, "the slow client's drop");
    let tail = "";
    client.on("data", (piece) => (tail = (tail + piece.toString("latin1")).slice(-200)));
    client.resume();
    await eventually(() => (tail.includes("too slow") ? true : undefined), "the reason");
    await clock.advance(seconds(10));
    await eventually(() => (client.destroyed ? true : undefined), "the end of a client that does not leave");
  });

  test("comes when its token is no longer good", async () => {
    const clock = createVirtualClock();
    let good = true;
    await using watched = await startServer({
      clock,
      guard: { check: (request, required) => listGuard.check(good ? request : new Request("http://x"), required) },
    });
    const client = await open(watched, "?token=admin");
    good = false;
    await clock.advance(seconds(30));
    expect(await eventually(() => client.closed, "the end")).toEqual({
      code: 1008,
      reason: "the token is no longer good",
    });
  });

  test("comes when the node stops, in bounded time, whether the client answers or not", async () => {
    const clock = createVirtualClock();
    const stopping = await startServer({ clock });
    const polite = await open(stopping);
    const silent = await silentClient(stopping);
    const closing = stopping.close();
    expect(await eventually(() => polite.closed, "the farewell")).toEqual({ code: 1001, reason: "the node stops" });
    await clock.advance(seconds(5));
    await closing;
    await eventually(() => (silent.destroyed ? true : undefined), "the silent client's end");
  });
});

/** A client that shakes hands and then answers nothing by itself. */
async function silentClient(to: Pick<TestServer, "url">): Promise<Socket> {
  const socket = connect(Number(new URL(to.url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(
    `GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${"A".repeat(22)}==\r\n\r\n`,
  );
  const first = await new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
  if (!first.startsWith("HTTP/1.1 101")) throw new Error(first);
  socket.resume();
  return socket;
}

/** A text frame of a client, masked with zeros (RFC 6455, 5.2). */
function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
}

async function raw(to: Pick<TestServer, "url">, request: string): Promise<string> {
  const socket = connect(Number(new URL(to.url).port), "127.0.0.1");
  socket.write(request);
  let answer = "";
  for await (const piece of socket) answer += String(piece);
  return answer;
}
