/** The page of a node in a browser tab, as the node's server gives it to anybody. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { startServer, type TestServer } from "./harness.ts";

let folder: string;
let server: TestServer;
const SCRIPT = "tab-ABCDEF12.js";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-tab-"));
  const page = join(folder, "page");
  await mkdir(page);
  await writeFile(join(page, "index.html"), "<!doctype html><title>page</title>");
  await writeFile(join(page, SCRIPT), "plain()");
  await writeFile(join(page, `${SCRIPT}.gz`), gzipSync("packed()"));
  await writeFile(join(folder, "secret.js"), "nobody's");
  // Nobody is let in: the page is for those who have no token yet.
  const check = () => Promise.reject(new ShoalError("unauthenticated", "no token"));
  server = await startServer({ tabFolder: page, config: { prefix: "/n1" }, guard: { check } });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${server.url}/n1${path}`, init);

test("is there for everybody, and may run its own code and compiled guests only", async () => {
  const page = await get("/tab/");
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(await page.text()).toContain("<title>page</title>");
  const policy = page.headers.get("content-security-policy") ?? "";
  expect(policy.split("; ")).toEqual(
    expect.arrayContaining([
      "default-src 'none'",
      "script-src 'self' 'wasm-unsafe-eval'",
      "connect-src 'self' ws: wss:",
    ]),
  );
  expect(policy).not.toContain("unsafe-inline");
  expect((await get("/admin-api/contexts")).status).toBe(401);
});

test("is found without its slash, so that what lies beside it is found too", async () => {
  const answer = await get("/tab", { redirect: "manual" });
  expect([answer.status, answer.headers.get("location")]).toEqual([302, "tab/"]);
  expect((await get("/tab")).url).toBe(`${server.url}/n1/tab/`);
});

test("is asked for again each time, while files that carry their hash are kept", async () => {
  expect((await get("/tab/")).headers.get("cache-control")).toBe("no-cache");
  expect((await get(`/tab/${SCRIPT}`)).headers.get("cache-control")).toContain("immutable");
});

test("comes packed to those who take it so", async () => {
  expect(await (await get(`/tab/${SCRIPT}`, { headers: { "accept-encoding": "identity" } })).text()).toBe("plain()");
  expect(await (await get(`/tab/${SCRIPT}`)).text()).toBe("packed()");
});

test("tells the addresses that a page can dial", async () => {
  expect(await (await get("/tab/peers.json")).json()).toEqual({ peers: ["/ip4/127.0.0.1/tcp/2/ws/p2p/12D3Koo"] });
});

test.each(["..%2fsecret.js", "%2e%2e/secret.js", "secret.js", ".gz", "a".repeat(300), "index.html%00", `${SCRIPT}.gz`])(
  "gives nothing else: %s",
  async (path) => {
    expect((await get(`/tab/${path}`)).status).toBe(404);
  },
);

test("takes GET and HEAD only", async () => {
  expect((await get("/tab/", { method: "HEAD" })).status).toBe(200);
  expect((await get("/tab/", { method: "POST" })).status).toBe(405);
});

test("says how it is built where it is not", async () => {
  const bare = await startServer({ tabFolder: join(folder, "nothing") });
  const answer = await fetch(`${bare.url}/tab/`);
  expect(answer.status).toBe(404);
  expect(await answer.text()).toContain("npm run bundle:browser");
  await bare.close();
});
