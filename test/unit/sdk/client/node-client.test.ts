/** Calls, methods and events of a real node; errors are values to branch on; and browsers can load all of it. */
import { readFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ApiError } from "@shoal/client/index.ts";
import { createNodeClient, RpcError, type NodeHttpClient, type NodeStreamEvent } from "@shoal/client/node/client.ts";
import { eventually } from "../../../support/clock.ts";
import { openOwnNode, PASSWORD, USER, type OwnNode } from "../../../support/own-node.ts";
import { builtApp } from "../app/built.ts";

let own: OwnNode;
let client: NodeHttpClient;
let contextId: string;
beforeAll(async () => {
  own = await openOwnNode();
  client = createNodeClient({ baseUrl: own.url });
  await client.login(USER, PASSWORD, "test");
  const { blobId } = await client.upload(new Blob([(await builtApp("kv-store")).slice()]));
  const body = { blobId, package: "kv", version: "1.0.0" };
  const { applicationId } = (await client.call("applications.installBlob", { body })).data;
  contextId = (
    await client.call("contexts.create", { body: { applicationId, initializationParams: [...Buffer.from("{}")] } })
  ).data.contextId;
});
afterAll(() => own.leave());

const set = (value: string): Promise<unknown> =>
  client.execute({ contextId, method: "set", argsJson: { key: "k", value } });

describe("a call", () => {
  test("gives JSON, text, or nothing for a method that returns nothing", async () => {
    expect((await client.call("contexts.get", { params: { id: contextId } })).data.id).toBe(contextId);
    expect(await client.call("node.metrics")).toContain("shoal_node_contexts 1");
    expect(await set("1")).toBeUndefined();
    expect(await client.execute({ contextId, method: "get", argsJson: { key: "k" } })).toBe("1");
  });

  test("that is refused says code, field, status and request id", async () => {
    const refused = client.call("contexts.get", { params: { id: "nonsense" } });
    await expect(refused).rejects.toBeInstanceOf(ApiError);
    await expect(refused).rejects.toMatchObject({ code: "invalid_argument", field: "id", status: 400 });
    await expect(refused).rejects.toHaveProperty("requestId", expect.stringMatching(/^req-/));
    await expect(client.call("contexts.get", { params: { id: ".." } })).rejects.toMatchObject({ field: "id" });
  });

  test("of a method that fails tells what the method said", async () => {
    const failed = client.execute({ contextId, method: "set", argsJson: { key: "", value: "" } });
    await expect(failed).rejects.toBeInstanceOf(RpcError);
    await expect(failed).rejects.toMatchObject({
      code: "invalid_argument",
      type: "FunctionCallError",
      thrown: { code: "invalid_argument", message: "a key has at least one character" },
    });
    const missing = client.execute({ contextId: "1".repeat(32), method: "get" });
    await expect(missing).rejects.toMatchObject({ code: "not_found", type: "ExecuteError" });
  });

  test("ends with its signal", async () => {
    const signal = AbortSignal.abort();
    await expect(client.call("contexts.list", { signal })).rejects.toMatchObject({ code: "cancelled" });
  });

  test("to nobody, to what is no node, and to an answer that ends early are ShoalErrors", async () => {
    const nobody = createNodeClient({ baseUrl: "http://127.0.0.1:9" });
    await expect(nobody.call("node.health")).rejects.toMatchObject({ code: "unavailable" });
    await withServer(
      (_, response) => void response.end("<html>"),
      async (url) => {
        const other = createNodeClient({ baseUrl: url });
        await expect(other.call("node.health")).rejects.toMatchObject({ code: "internal" });
        await expect(other.execute({ contextId, method: "get" })).rejects.toMatchObject({ code: "internal" });
        await expect(other.login(USER, PASSWORD, "test")).rejects.toMatchObject({ code: "internal" });
      },
    );
    await withServer(
      (_, response) => {
        response.writeHead(200, { "content-length": "100" }).write("{");
        setImmediate(() => response.destroy());
      },
      async (url) => {
        const cut = createNodeClient({ baseUrl: url }).call("node.health");
        await expect(cut).rejects.toMatchObject({ code: "unavailable" });
      },
    );
    await withServer(
      (_, response) => void response.writeHead(502).end("bad gateway"),
      async (url) => {
        const proxied = createNodeClient({ baseUrl: url }).call("node.health");
        await expect(proxied).rejects.toMatchObject({ code: "unavailable", status: 502 });
      },
    );
  });
});

describe("blobs", () => {
  test("stream both ways, whatever their size, and a download can be left", async () => {
    const chunk = new Uint8Array(64 * 1024).fill(7);
    let left = 200;
    const content = new ReadableStream<Uint8Array>({
      pull: (controller) => (left-- > 0 ? controller.enqueue(chunk) : controller.close()),
    });
    const { blobId, size } = await client.upload(content);
    expect(size).toBe(200 * chunk.length);
    expect(await client.blobInfo(blobId)).toEqual({ blobId, size });
    let received = 0;
    for await (const part of await client.download(blobId)) received += part.length;
    expect(received).toBe(size);
    const leave = new AbortController();
    const body = await client.download(blobId, leave.signal);
    leave.abort();
    await expect(new Response(body).arrayBuffer()).rejects.toThrow(/abort/i);
  });

  test("are refused where they are not what was said, and not found where they are not", async () => {
    const { blobId } = await client.upload(Uint8Array.of(1));
    await expect(client.upload(Uint8Array.of(2), { hash: blobId })).rejects.toBeInstanceOf(ApiError);
    await client.call("blobs.delete", { params: { id: blobId } });
    await expect(client.blobInfo(blobId)).rejects.toMatchObject({ code: "not_found" });
    await expect(client.download(blobId)).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("events", () => {
  /** Follows until the callback has seen enough. */
  function follow(options: { contextIds: readonly string[] }) {
    const seen: NodeStreamEvent[] = [];
    const ended = new AbortController();
    const counts = { opened: 0, cut: 0 };
    const over = (async () => {
      const events = client.events({
        ...options,
        signal: ended.signal,
        onOpen: () => void (counts.opened += 1),
        onCut: () => void (counts.cut += 1),
      });
      for await (const event of events) seen.push(event);
    })();
    return { seen, counts, over, end: () => ended.abort() };
  }
  const open = (followed: ReturnType<typeof follow>, times: number): Promise<true> =>
    eventually(() => (followed.counts.opened >= times ? true : undefined), "the stream is open");

  test("come as they happen, until the signal", async () => {
    const followed = follow({ contextIds: [contextId] });
    await open(followed, 1);
    await set("2");
    const [event] = await eventually(() => (followed.seen.length > 0 ? followed.seen : undefined), "an event");
    expect(event).toMatchObject({ contextId, type: "StateMutation", data: { events: [{ kind: "Stored" }] } });
    followed.end();
    await followed.over;
  });

  test("go on after the node was restarted, each once, and the gap is told", async () => {
    const followed = follow({ contextIds: [contextId] });
    await open(followed, 1);
    await set("before");
    await eventually(() => followed.seen[0], "the event before");
    await own.stop();
    await own.start();
    await open(followed, 2);
    expect(followed.counts.cut).toBe(1);
    await set("after");
    await eventually(() => followed.seen[1], "the event after");
    followed.end();
    await followed.over;
    expect(followed.seen.length).toBe(2);
  });

  test("go on when the token expires", async () => {
    own.expireTokens();
    const followed = follow({ contextIds: [contextId] });
    await open(followed, 1);
    await set("3");
    await eventually(() => followed.seen[0], "an event");
    followed.end();
    await followed.over;
  });

  test("are refused for good where they may not be heard", async () => {
    await client.keys.createRoot({ username: "deaf", password: PASSWORD, permissions: ["blob:list"] });
    const deaf = createNodeClient({ baseUrl: own.url });
    await deaf.login("deaf", PASSWORD, "test");
    await expect(deaf.events({ contextIds: [contextId] }).next()).rejects.toMatchObject({ code: "permission_denied" });
  });
});

test("nothing that the client loads is of Node's own", async () => {
  const require = createRequire(import.meta.url);
  const seen = new Set<string>();
  const visit = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    const source = await readFile(path, "utf8");
    expect(source, path).not.toMatch(/from "node:|\bBuffer\b|\bprocess\./);
    for (const [, target = ""] of source.matchAll(/from "((?:\.|@shoal\/)[^"]+)"/g)) {
      await visit(target.startsWith("@shoal/") ? require.resolve(target) : join(dirname(path), target));
    }
  };
  await visit(require.resolve("@shoal/client/node/client.ts"));
  expect(seen.size).toBeGreaterThan(20);
});

async function withServer(listener: RequestListener, work: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
