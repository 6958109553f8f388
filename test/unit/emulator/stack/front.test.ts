/** The front door, with a real function server behind it. */
import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import { createServer as createTcp, type AddressInfo } from "node:net";
import { pipeline, Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLog } from "@shoal/shared/base/log.ts";
import { startFront, type Front } from "@shoal/emulator/stack/front.ts";

let behind: Server;
let front: Front;
let url: string;
const up: Record<string, boolean> = { api: true, edge: false, metrics: true };

beforeAll(async () => {
  behind = createServer((request, response) => {
    if (request.url === "/api/v1/stream") {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write("data: 1\n\n");
      return;
    }
    let length = 0;
    request.on("data", (chunk: Buffer) => (length += chunk.length));
    request.on("end", () =>
      response.end(JSON.stringify({ path: request.url, length, from: request.headers["x-forwarded-for"] })),
    );
  });
  behind.listen(0, "127.0.0.1");
  await once(behind, "listening");
  const target = `http://127.0.0.1:${(behind.address() as AddressInfo).port}/`;
  const port = await freePort();
  front = await startFront({ port, targetOf: (name) => (up[name] === true ? target : undefined), log: silentLog });
  url = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  await front.stop();
  behind.closeAllConnections();
  behind.close();
});

async function freePort(): Promise<number> {
  const probe = createTcp();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

test("hands path, query and body on, and says who asked", async () => {
  const answer = await fetch(`${url}/api/v1/processors?limit=2`, { method: "POST", body: "hello" });
  expect(await answer.json()).toEqual({ path: "/api/v1/processors?limit=2", length: 5, from: "127.0.0.1" });
});

test("says when to come back while a function is down", async () => {
  const answer = await fetch(`${url}/api/v1/edge/heartbeat`, { method: "POST", body: "{}" });
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe("1");
  expect(await answer.json()).toMatchObject({ error: { code: "unavailable" } });
});

test("lets a stream flow as it is written", async () => {
  const abort = new AbortController();
  const answer = await fetch(`${url}/api/v1/stream`, { signal: abort.signal });
  const first = await answer.body?.getReader().read();
  expect(new TextDecoder().decode(first?.value)).toBe("data: 1\n\n");
  abort.abort();
});

test("refuses a body beyond the platform's limit, told or not", async () => {
  const told = await fetch(`${url}/api/v1/x`, { method: "POST", body: Buffer.alloc(33 * 1024 * 1024) }).catch(
    () => undefined,
  );
  // The refusal may overtake the body, in which case the client sees its connection closed.
  expect([413, undefined]).toContain(told?.status);
  const untold = await new Promise<number | undefined>((resolve) => {
    const sent = request(`${url}/api/v1/x`, { method: "POST" }, (answer) => resolve(answer.resume().statusCode));
    sent.once("error", () => resolve(undefined));
    pipeline(Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(1024 * 1024))), sent, () => undefined);
  });
  expect([413, undefined]).toContain(untold);
  const after = await fetch(`${url}/api/v1/after`, { method: "POST", body: "x" });
  expect(await after.json()).toMatchObject({ length: 1 });
});
