/** The same over a real connection: bodies that stream, clients that go away. */
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Manager } from "@shoal/functions/manager/manager.ts";
import { eventually } from "../../../support/clock.ts";
import { makeProcessor, makeTemplate, send, world, type Caller, type World } from "./harness.ts";

let w: World;
let me: Caller;
let manager: Manager;
let server: Server;
let base: string;
let following = 0;
const statuses: number[] = [];

beforeAll(async () => {
  w = await world();
  me = await w.key(await w.organisation("acme"));
  await makeTemplate(me);
  manager = w.instance({
    limits: { streamsPerOrganisation: 1 },
    logs: async (_namespace, _pod, { signal }) =>
      (async function* () {
        following += 1;
        yield "first";
        await new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
        following -= 1;
      })(),
  });
  const listener = getRequestListener(
    async (request, env) => {
      const response = await manager.fetch(request, env);
      statuses.push(response.status);
      return response;
    },
    { overrideGlobalObjects: false },
  );
  server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await w.close();
});

const headers = (): Record<string, string> => ({ authorization: `Bearer ${me.token}` });

it("refuses 10 MB that come without a length, while they come", async () => {
  let sent = 0;
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const request = httpRequest(`${base}/processors`, {
      method: "POST",
      headers: { ...headers(), "content-type": "application/json" },
    });
    request.on("response", (response) => resolve(response.statusCode));
    request.on("error", reject);
    const chunk = Buffer.alloc(64 * 1024, 32);
    const write = (): void => {
      if (sent >= 10 * 1024 * 1024 || request.destroyed) return void request.end();
      sent += chunk.length;
      request.write(chunk, () => setImmediate(write));
    };
    write();
  });
  expect(status).toBe(413);
});

it("stops following a log, and frees its place, when the client goes away", async () => {
  const { processor } = await makeProcessor(me, "followed");
  await w.db.sql.query("update processors set pod_name = 'followed-1' where id = $1", [processor.id]);
  for (let round = 0; round < 3; round++) {
    const abort = new AbortController();
    const response = await fetch(`${base}/processors/followed/logs?follow=true`, {
      headers: headers(),
      signal: abort.signal,
    });
    expect(response.status).toBe(200);
    const first = await response.body?.getReader().read();
    expect(new TextDecoder().decode(first?.value)).toBe("first\n");
    expect((await send(manager, me.token, "GET", "/processors/followed/logs")).status).toBe(429);
    abort.abort();
    await eventually(() => (following === 0 ? true : undefined), "the log is let go");
  }
});

it("stops waiting for an operation when the client goes away", async () => {
  const { operation } = await makeProcessor(me, "abandoned");
  const abort = new AbortController();
  const waiting = fetch(`${base}/operations/${operation.id}?wait=60s`, { headers: headers(), signal: abort.signal });
  // It waits once an answer would have come: that of a request that was sent after it.
  await (await fetch(`${base}/processors`, { headers: headers() })).text();
  abort.abort();
  await expect(waiting).rejects.toThrow("aborted");
  await eventually(() => (statuses.includes(499) ? true : undefined), "the wait ends");
});
