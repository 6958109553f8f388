/** Bodies through the real framework: what the API is sent is what it sees. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { http } from "@google-cloud/functions-framework";
import { getTestServer } from "@google-cloud/functions-framework/testing";
import { getRequestListener } from "@hono/node-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keepBodiesRaw } from "@shoal/functions/raw-body.ts";

let server: Server;
let url: string;

beforeAll(async () => {
  keepBodiesRaw("/api/");
  const listener = getRequestListener(
    async (request) =>
      Response.json({
        type: request.headers.get("content-type"),
        body: Buffer.from(await request.arrayBuffer()).toString("base64"),
      }),
    { overrideGlobalObjects: false },
  );
  http("raw-body", (request, response) => listener(request, response));
  server = getTestServer("raw-body");
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const send = (
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
): Promise<Response> => fetch(`${url}${path}`, { method: "POST", body, headers });

test("malformed JSON arrives as it was sent, with its type", async () => {
  const answer = await send("/api/v1/things", '{"a":', { "Content-Type": "application/json" });
  expect(await answer.json()).toEqual({ type: "application/json", body: Buffer.from('{"a":').toString("base64") });
});

test("a compressed body is not unpacked", async () => {
  const packed = new Uint8Array(gzipSync("x".repeat(1_000_000)));
  const answer = await send("/api/v1/things", packed, {
    "Content-Type": "application/json",
    "Content-Encoding": "gzip",
  });
  const { body } = (await answer.json()) as { body: string };
  expect(Buffer.from(body, "base64")).toEqual(Buffer.from(packed));
});

test("other paths keep the framework's parsing", async () => {
  const answer = await send("/elsewhere", '{"a":', { "Content-Type": "application/json" });
  expect(answer.status).toBe(400);
  await answer.text();
});
