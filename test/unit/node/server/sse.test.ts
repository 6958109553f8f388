/** Server-sent events: streams, sessions that outlive them, and how streams end. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hours, seconds } from "@shoal/shared/base/time.ts";
import type { NodeEvent } from "@shoal/node/model/event.ts";
import { eventually } from "../../../support/clock.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";
import { memoryStore } from "./clients.ts";
import { ask, listGuard, startServer, type Answer, type TestServer } from "./harness.ts";
import { ALICE, CONTEXT, GROUP, OTHER_CONTEXT } from "./ids.ts";

interface Event {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: Record<string, unknown>;
}

interface Stream extends Disposable {
  readonly session: string;
  readonly headers: Headers;
  readonly events: Event[];
  readonly ended: boolean;
}

async function open(server: Pick<TestServer, "url">, headers: Record<string, string> = {}): Promise<Stream> {
  const abort = new AbortController();
  const response = await fetch(`${server.url}/sse`, { headers, signal: abort.signal });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  const events: Event[] = [];
  let ended = false;
  const read = async (): Promise<void> => {
    let text = "";
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += new TextDecoder().decode(piece);
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) if (block.includes("data: ")) events.push(eventOf(block));
    }
  };
  void read()
    .catch(() => undefined)
    .finally(() => (ended = true));
  await eventually(() => (events.length >= 2 ? true : undefined), "the greeting");
  return {
    session: String(events[0]?.data["session_id"]),
    headers: response.headers,
    events,
    get ended() {
      return ended;
    },
    [Symbol.dispose]: () => abort.abort(),
  };
}

function eventOf(block: string): Event {
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
  return { id: field("id"), event: field("event"), data: JSON.parse(field("data") ?? "{}") as never };
}

const mutation = (contextId = CONTEXT): NodeEvent => ({ contextId, event: { type: "SyncStatus", syncState: "idle" } });
const change = (
  server: Pick<TestServer, "url">,
  id: string,
  method: "subscribe" | "unsubscribe",
  params: object,
  headers: Record<string, string> = {},
): Promise<Answer> => ask(server, "POST", "/sse/subscription", { id, method, params }, headers);

let server: TestServer;
beforeAll(async () => (server = await startServer()));
afterAll(() => server.close());

describe("a stream", () => {
  test("greets with its session, in the words of either generation", async () => {
    using stream = await open(server);
    const { session, headers, events } = stream;
    expect(headers.get("content-type")).toBe("text/event-stream");
    expect([headers.get("x-sse-session-id"), headers.get("x-sse-reconnect")]).toEqual([session, "false"]);
    expect(session).toMatch(/^[0-9]+$/);
    expect(events).toEqual([
      { id: `${session}-0`, event: "connect", data: { session_id: session, reconnect: false } },
      { id: `${session}-0`, event: "message", data: { type: "connect", session_id: session, reconnect: false } },
    ]);
  });

  test("is told what its session subscribed to, numbered, until it has enough", async () => {
    using stream = await open(server);
    const { session, events } = stream;
    const subscribed = await change(server, session, "subscribe", { contextIds: [CONTEXT], groupIds: [GROUP] });
    expect(subscribed.body).toEqual({ result: { status: "subscribed", contexts: [CONTEXT], groups: [GROUP] } });
    server.bus.publish(mutation());
    server.bus.publish(mutation(OTHER_CONTEXT));
    server.bus.publish({ groupId: GROUP, event: { type: "MemberJoined", data: {} } });
    await eventually(() => (events.length === 4 ? true : undefined), "two events");
    expect(events.slice(2)).toEqual([
      {
        id: `${session}-1`,
        event: "message",
        data: { result: { contextId: CONTEXT, type: "SyncStatus", data: { syncState: "idle" } } },
      },
      { id: `${session}-2`, event: "message", data: { result: { groupId: GROUP, type: "MemberJoined", data: {} } } },
    ]);
    const state = await ask(server, "GET", `/sse/session/${session}`);
    expect(state.body).toEqual({
      result: {
        session_id: session,
        subscriptions: [CONTEXT],
        group_subscriptions: [GROUP],
        event_counter: 3,
        status: "active",
      },
    });
    const left = await change(server, session, "unsubscribe", { contextIds: [CONTEXT] });
    expect(left.body).toEqual({ result: { status: "unsubscribed", contexts: [CONTEXT], groups: [] } });
    server.bus.publish(mutation());
    server.bus.publish({ groupId: GROUP, event: { type: "MemberRemoved", data: {} } });
    await eventually(() => (events.length === 5 ? true : undefined), "the group's event");
    expect(events[4]?.id).toBe(`${session}-3`);
  });

  test.each([
    ["an unknown session", { id: "1", method: "subscribe", params: { contextIds: [] } }, 404],
    ["a session id that is none", { id: "mine", method: "subscribe", params: { contextIds: [] } }, 400],
    ["another method", { id: "1", method: "execute", params: {} }, 400],
    ["a context id of other length", { id: "1", method: "subscribe", params: { contextIds: ["a"] } }, 400],
  ])("refuses %s", async (_, body, status) => {
    expect((await ask(server, "POST", "/sse/subscription", body)).status).toBe(status);
  });

  test("more than the limit are told to come later", async () => {
    await using small = await startServer({ limits: { streams: 1 } });
    using stream = await open(small);
    expect(stream.ended).toBe(false);
    await expect(open(small)).rejects.toThrow("503");
  });
});

describe("a session", () => {
  test("is taken up after a cut, with its subscriptions and its count, by whoever names its last event", async () => {
    const first = await open(server);
    await change(server, first.session, "subscribe", { contextIds: [CONTEXT] });
    first[Symbol.dispose]();
    const resumed = async (): Promise<Stream | undefined> => {
      const stream = await open(server, { "last-event-id": `${first.session}-5` });
      if (stream.session === first.session) return stream;
      stream[Symbol.dispose]();
      return undefined;
    };
    using second = await eventually(resumed, "the session");
    expect(second.headers.get("x-sse-reconnect")).toBe("true");
    server.bus.publish(mutation());
    const told = await eventually(() => second.events[2], "an event");
    expect(told.id).toBe(`${first.session}-6`);
  });

  test("outlives the node, and ends after a day", async () => {
    const store = memoryStore();
    const clock = createVirtualClock();
    const before = await startServer({ store, clock });
    const stream = await open(before);
    const { session } = stream;
    await change(before, session, "subscribe", { contextIds: [CONTEXT] });
    stream[Symbol.dispose]();
    await before.close();
    await using after = await startServer({ store, clock });
    const state = (): Promise<Answer> => ask(after, "GET", `/sse/session/${session}`);
    expect((await state()).body).toMatchObject({ result: { subscriptions: [CONTEXT], status: "persisted" } });
    await clock.advance(hours(23));
    expect((await state()).status).toBe(200);
    await clock.advance(hours(2));
    expect((await state()).status).toBe(404);
    expect(store.rows.size).toBe(0);
  });

  test("that was not used for longest makes room, where there are too many", async () => {
    const store = memoryStore();
    await using small = await startServer({ store, limits: { sessions: 2 } });
    const streams = [await open(small), await open(small), await open(small)];
    for (const { session } of streams) await change(small, session, "subscribe", { contextIds: [CONTEXT] });
    const kept = [...store.rows.keys()].map((key) => key.replace("sse-session:", ""));
    expect(kept).toEqual(streams.slice(1).map(({ session }) => session));
    for (const stream of streams) stream[Symbol.dispose]();
  });

  test("has one stream: a second one that takes it up ends the first", async () => {
    using first = await open(server);
    using second = await open(server, { "last-event-id": `${first.session}-0` });
    expect(second.session).toBe(first.session);
    await eventually(() => (first.ended ? true : undefined), "the first stream's end");
    expect(first.events.at(-1)?.data).toMatchObject({ type: "close" });
  });
});

describe("who may", () => {
  const bearer = (...permissions: string[]): Record<string, string> => ({
    authorization: `Bearer ${permissions.join(" ")}`,
  });

  test("open a stream and subscribe, with a token that covers it", async () => {
    await using guarded = await startServer({ guard: listGuard });
    await expect(open(guarded)).rejects.toThrow("401");
    const token = bearer("me", `context:list[${CONTEXT},${ALICE}]`);
    using stream = await open(guarded, token);
    const both = { contextIds: [CONTEXT, OTHER_CONTEXT] };
    const subscribed = await change(guarded, stream.session, "subscribe", both, token);
    expect(subscribed.body).toMatchObject({ result: { contexts: [CONTEXT] } });
    const other = await change(guarded, stream.session, "subscribe", { contextIds: [OTHER_CONTEXT] }, token);
    expect(other.status).toBe(403);
  });

  test("another key's session is as good as none", async () => {
    await using guarded = await startServer({ guard: listGuard });
    using stream = await open(guarded, bearer("me"));
    const stranger = bearer("stranger", "admin");
    expect((await change(guarded, stream.session, "subscribe", { contextIds: [CONTEXT] }, stranger)).status).toBe(404);
    expect((await ask(guarded, "GET", `/sse/session/${stream.session}`, undefined, stranger)).status).toBe(404);
    using theirs = await open(guarded, { ...stranger, "last-event-id": `${stream.session}-0` });
    expect(theirs.session).not.toBe(stream.session);
    expect(stream.ended).toBe(false);
    // Nor after its stream is gone, when it is kept in the store.
    const mine = bearer("me", "admin");
    await change(guarded, stream.session, "subscribe", { contextIds: [CONTEXT] }, mine);
    stream[Symbol.dispose]();
    const stateFor = (headers: Record<string, string>): Promise<Answer> =>
      ask(guarded, "GET", `/sse/session/${stream.session}`, undefined, headers);
    const kept = async (): Promise<true | undefined> => {
      const { body } = await stateFor(mine);
      return (body["result"] as { status?: string })?.status === "persisted" ? true : undefined;
    };
    await eventually(kept, "the session in the store");
    expect((await stateFor(stranger)).status).toBe(404);
  });

  test("what a session may no longer hear is gone when it is taken up", async () => {
    const store = memoryStore();
    await using guarded = await startServer({ guard: listGuard, store });
    const first = await open(guarded, bearer("me", "admin"));
    await change(guarded, first.session, "subscribe", { contextIds: [CONTEXT, OTHER_CONTEXT] }, bearer("me", "admin"));
    using second = await open(guarded, {
      ...bearer("me", `context:list[${CONTEXT}]`),
      "last-event-id": `${first.session}-0`,
    });
    const state = await ask(guarded, "GET", `/sse/session/${second.session}`, undefined, bearer("me"));
    expect(state.body).toMatchObject({ result: { subscriptions: [CONTEXT] } });
    first[Symbol.dispose]();
  });
});

describe("the end of a stream", () => {
  test("comes with a reason for whoever does not read", async () => {
    const clock = createVirtualClock();
    await using small = await startServer({ clock, limits: { sendBufferBytes: 100_000 } });
    const client = connect(Number(new URL(small.url).port), "127.0.0.1");
    client.write("GET /sse HTTP/1.1\r\nhost: x\r\n\r\n");
    let heard = "";
    client.on("data", (piece) => (heard = (heard + piece.toString("latin1")).slice(-1000)));
    const session = await eventually(() => /"session_id":"([0-9]+)"/.exec(heard)?.[1], "the greeting");
    await change(small, session, "subscribe", { contextIds: [CONTEXT] });
    client.pause();
    const event: NodeEvent = { contextId: CONTEXT, event: { type: "SyncStatus", syncState: "s".repeat(500_000) } };
    await eventually(async () => {
      small.bus.publish(event);
      const metrics = await small.registry.metrics();
      return metrics.includes('shoal_node_clients_dropped_total{kind="sse",reason="slow"} 1') ? true : undefined;
    }, "the slow client's drop");
    client.resume();
    await eventually(() => (heard.includes("too slow") ? true : undefined), "the reason");
    client.destroy();
  });

  test("comes when its token is no longer good", async () => {
    const clock = createVirtualClock();
    let good = true;
    await using watched = await startServer({
      clock,
      guard: { check: (request, required) => listGuard.check(good ? request : new Request("http://x"), required) },
    });
    using stream = await open(watched, { authorization: "Bearer admin" });
    await clock.advance(seconds(30));
    expect(stream.ended).toBe(false);
    good = false;
    await clock.advance(seconds(30));
    await eventually(() => (stream.ended ? true : undefined), "the end");
    expect(stream.events.at(-1)?.data).toEqual({ type: "close", reason: "the token is no longer good" });
  });

  test("comes when the node stops, in bounded time, whether the client reads or not", async () => {
    const clock = createVirtualClock();
    const stopping = await startServer({ clock });
    using stream = await open(stopping);
    const stuck = connect(Number(new URL(stopping.url).port), "127.0.0.1");
    stuck.write("GET /sse HTTP/1.1\r\nhost: x\r\n\r\n");
    await new Promise((resolve) => stuck.once("data", resolve));
    stuck.pause();
    const closing = stopping.close();
    await eventually(() => (stream.ended ? true : undefined), "the end");
    expect(stream.events.slice(-2).map(({ event, data }) => [event, data])).toEqual([
      ["close", { type: "close", reason: "the node stops" }],
      [undefined, { type: "close", reason: "the node stops" }],
    ]);
    await clock.advance(seconds(5));
    await closing;
    stuck.destroy();
  });
});
