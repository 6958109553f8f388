/** What is big, slow or elsewhere: blobs as streams, clients that dawdle, prefixes and switches. */
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { NODE_CAPS } from "@shoal/shared/wire/node/values.ts";
import { eventually } from "../../../support/clock.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";
import { ask, rpc, startServer, type TestServer } from "./harness.ts";
import { CONTEXT } from "./ids.ts";

let server: TestServer;
beforeAll(async () => (server = await startServer()));
afterAll(() => server.close());

describe("blobs", () => {
  const upload = (body: Uint8Array<ArrayBuffer> | ReadableStream, query = ""): Promise<Response> =>
    fetch(`${server.url}/admin-api/blobs${query}`, { method: "PUT", body, duplex: "half" });
  const bytes = (n: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length: n }, (_, at) => at % 251);

  test("go in and come out as they are, with their size and id in headers", async () => {
    const content = bytes(1_500_000);
    const { data } = (await (await upload(content)).json()) as {
      data: { blobId: string; blob_id: string; size: number };
    };
    expect(data).toEqual({ blobId: data.blob_id, blob_id: data.blob_id, size: 1_500_000 });
    const path = `${server.url}/admin-api/blobs/${data.blobId}`;
    const head = await fetch(path, { method: "HEAD" });
    expect([head.headers.get("content-length"), head.headers.get("x-blob-id")]).toEqual(["1500000", data.blobId]);
    const got = await fetch(path);
    expect(got.headers.get("content-length")).toBe("1500000");
    expect(new Uint8Array(await got.arrayBuffer())).toEqual(content);
    expect((await ask(server, "GET", "/admin-api/blobs")).body).toEqual({ data: { blobs: [data] } });
    const gone = await ask(server, "DELETE", `/admin-api/blobs/${data.blobId}`);
    expect(gone.body).toEqual({ blobId: data.blobId, blob_id: data.blobId, deleted: true });
    expect((await fetch(path)).status).toBe(404);
    expect((await fetch(path, { method: "HEAD" })).status).toBe(404);
  });

  test("of another hash than was said are refused", async () => {
    const right = createHash("sha256").update(bytes(9)).digest("hex");
    expect((await upload(bytes(9), `?hash=${right}`)).status).toBe(200);
    expect((await upload(bytes(9), `?hash=${"0".repeat(64)}`)).status).toBe(400);
    expect((await upload(bytes(9), "?context_id=nothing")).status).toBe(400);
  });

  test("have at most 1 GiB by default, said or found on the way", async () => {
    expect(NODE_CAPS.blobBytes).toBe(2 ** 30);
    await using small = await startServer({ limits: { blobBytes: 100_000 } });
    const put = (body: Uint8Array<ArrayBuffer> | ReadableStream): Promise<Response> =>
      fetch(`${small.url}/admin-api/blobs`, { method: "PUT", body, duplex: "half" });
    expect((await put(bytes(100_000))).status).toBe(200);
    expect((await put(bytes(100_001))).status).toBe(413);
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(bytes(65_536)) });
    // Cut while it still sends, a client may not come to read the answer.
    const status = await put(endless)
      .then((answer) => answer.status)
      .catch(() => 413);
    expect(status).toBe(413);
    expect(small.blobs.held.size).toBe(1);
  });

  test("that stop half-way leave nothing", async () => {
    const before = server.blobs.held.size;
    const { port } = new URL(server.url);
    const socket = connect(Number(port), "127.0.0.1");
    const head = "PUT /admin-api/blobs HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n";
    await new Promise((resolve) => socket.write(`${head}half`, resolve));
    socket.destroy();
    const aborted = 'method="PUT",route="/admin-api/blobs",status="499"';
    await eventually(async () => {
      const text = await server.registry.metrics();
      return text.includes(aborted) ? true : undefined;
    }, "the aborted upload in the metrics");
    expect(server.blobs.held.size).toBe(before);
  });
});

describe("how it is mounted", () => {
  test("under a prefix everything is found there, and nothing elsewhere", async () => {
    const authRoutes = new Hono().get("/auth/health", (context) => context.json({ ok: true }));
    await using prefixed = await startServer({ config: { prefix: "/node-1" }, authRoutes });
    expect((await ask(prefixed, "GET", "/node-1/admin-api/contexts")).status).toBe(200);
    expect((await ask(prefixed, "GET", "/node-1/auth/health")).body).toEqual({ ok: true });
    expect((await ask(prefixed, "POST", "/node-1/jsonrpc", {})).status).toBe(200);
    expect((await ask(prefixed, "GET", "/admin-api/contexts")).status).toBe(404);
  });

  test("what is switched off is not there", async () => {
    const off = { admin: false, jsonrpc: false, websocket: false, sse: false };
    await using bare = await startServer({ config: { enabled: off } });
    expect((await ask(bare, "GET", "/health")).status).toBe(200);
    for (const path of ["/admin-api/contexts", "/sse"]) expect((await ask(bare, "GET", path)).status).toBe(404);
    expect((await ask(bare, "POST", "/jsonrpc", {})).status).toBe(404);
  });

  test("auth's routes get bodies of bounded size", async () => {
    const authRoutes = new Hono().post("/auth/token", async (context) => context.json(await context.req.json()));
    await using embedded = await startServer({ authRoutes });
    expect((await ask(embedded, "POST", "/auth/token", { a: 1 })).body).toEqual({ a: 1 });
    const { status } = await ask(embedded, "POST", "/auth/token", { a: "x".repeat(300_000) });
    expect(status).toBe(413);
  });
});

describe("clients that dawdle", () => {
  const talk = async (limits: Parameters<typeof startServer>[0], head: string): Promise<string> => {
    await using slow = await startServer(limits);
    const socket = connect(Number(new URL(slow.url).port), "127.0.0.1");
    socket.write(head);
    let answer = "";
    for await (const piece of socket) answer += String(piece);
    return answer;
  };

  test("with their headers are cut", async () => {
    const answer = await talk({ limits: { headersWithin: milliseconds(200) } }, "GET /health HTTP/1.1\r\nhost: x\r\n");
    expect(answer).toMatch(/^HTTP\/1.1 408/);
  });

  test("with their body are told so", async () => {
    const head = "POST /jsonrpc HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    const answer = await talk({ limits: { bodyWithin: milliseconds(100), idleConnection: milliseconds(2000) } }, head);
    expect(answer).toMatch(/^HTTP\/1.1 400 [\s\S]*too long to arrive/);
  });

  test("with nothing at all are cut", async () => {
    expect(await talk({ limits: { idleConnection: milliseconds(200) } }, "")).toBe("");
  });

  test("are not those who wait for their answer", async () => {
    await using slow = await startServer({ limits: { idleConnection: milliseconds(200) } });
    const work = Promise.withResolvers<undefined>();
    slow.contexts.run = () => work.promise;
    const answer = rpc(slow, "execute", { contextId: CONTEXT, method: "get", argsJson: {} });
    await eventually(() => slow.contexts.executed[0], "the call");
    // When a connection that came later has been cut twice over, the one that waits would have been.
    for (let round = 0; round < 2; round++) {
      const idle = connect(Number(new URL(slow.url).port), "127.0.0.1");
      await new Promise((resolve) => idle.resume().once("close", resolve));
    }
    work.resolve(undefined);
    expect((await answer).status).toBe(200);
  });
});

describe("the end", () => {
  const call = { contextId: CONTEXT, method: "get", argsJson: {} };

  test("waits for what is under way, and takes nothing new", async () => {
    const stopping = await startServer();
    const work = Promise.withResolvers<undefined>();
    stopping.contexts.run = () => work.promise;
    const answer = rpc(stopping, "execute", call);
    await eventually(() => stopping.contexts.executed[0], "the call");
    const closing = stopping.close();
    await eventually(
      () =>
        ask(stopping, "GET", "/health").then(
          () => undefined,
          () => true,
        ),
      "a refusal",
    );
    work.resolve(undefined);
    expect((await answer).status).toBe(200);
    await closing;
  });

  test("does not wait for ever", async () => {
    const clock = createVirtualClock();
    const stopping = await startServer({ clock });
    stopping.contexts.run = () => new Promise(() => undefined);
    const answer = rpc(stopping, "execute", call).catch(() => "cut");
    await eventually(() => stopping.contexts.executed[0], "the call");
    const closing = stopping.close();
    await clock.advance(seconds(5));
    await closing;
    expect(await answer).toBe("cut");
  });

  test("an address that is in use is said so", async () => {
    const { port } = new URL(server.url);
    const listen = [{ host: "127.0.0.1", port: Number(port) }];
    await expect(startServer({ config: { listen } })).rejects.toMatchObject({
      code: "unavailable",
      field: "server.listen",
    });
  });
});
