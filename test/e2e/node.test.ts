/**
 * The tour of a node, as its owner makes it: init, run, install an app, make a context, call it, see the event in a browser,
 * kill the process, start it, and find everything again.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMAND, run, SDK } from "../unit/sdk/app/built.ts";
import { eventually } from "../support/clock.ts";
import { ownNode, type NodeProcess, type OwnNode } from "./node-process.ts";

const CHROMIUM = "/usr/bin/chromium";
const reason = existsSync(CHROMIUM) ? "" : " (skipped: no chromium here)";

let own: OwnNode;
let node: NodeProcess;
let context: string;

beforeAll(async () => {
  own = await ownNode();
  node = await own.start();
  const out = join(own.folder, "built");
  await run(process.execPath, [
    COMMAND,
    join(SDK, "apps/kv-store"),
    "--out",
    out,
    "--key",
    join(own.folder, "key.pem"),
  ]);
  const bundle = (await readdir(out)).find((name) => name.endsWith(".mpk")) ?? "";
  const application = await own.shoal("app", "install", join(out, bundle), "--quiet");
  context = await own.shoal("context", "create", application, "--alias", "kv", "--quiet");
});
afterAll(async () => {
  await node.end();
  await own.remove();
});

const get = async (key: string): Promise<unknown> =>
  JSON.parse(await own.shoal("call", "kv", "get", "--args", JSON.stringify({ key })));
const set = (key: string, value: string): Promise<string> =>
  own.shoal("call", "kv", "set", "--args", JSON.stringify({ key, value }));

test("a value is written and read; what a method refuses ends with a code and words", async () => {
  await set("greeting", "hello");
  expect(await get("greeting")).toBe("hello");
  await expect(own.shoal("call", "kv", "no_such_method")).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`method "no_such_method" not found`),
  });
  expect(await own.shoal("context", "list", "--quiet")).toBe(context);
});

test("kill -9 loses nothing that was acknowledged, and contexts, apps and keys are found again", async () => {
  await set("kept", "through a kill");
  await node.kill();
  node = await own.start();
  expect(await get("kept")).toBe("through a kill");
  expect(await get("greeting")).toBe("hello");
  await set("after", "the kill");
  expect(await get("after")).toBe("the kill");
});

test("watch prints events as they happen", async () => {
  const watched = own.shoal("watch", "kv", "--count", "1", "--output", "json");
  let isDone = false;
  void watched.finally(() => (isDone = true));
  // The stream takes a moment to open: it is written until it is heard.
  await eventually(async () => {
    if (!isDone) await set("seen", "by watch");
    return isDone ? true : undefined;
  }, "the event is seen");
  expect(JSON.parse(await watched)).toMatchObject({ contextId: context, type: "StateMutation" });
});

test.skipIf(reason !== "")(`a browser tab hears an event over SSE, from a page of anybody's${reason}`, async () => {
  const page = createServer((_, response) => response.setHeader("content-type", "text/html").end("<h1>tab</h1>"));
  await new Promise<void>((resolve) => page.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  try {
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${(page.address() as AddressInfo).port}/`);
    const tokens = JSON.parse(await readFile(join(own.folder, "config/shoal/nodes.json"), "utf8")) as {
      nodes: Record<string, { tokens: { accessToken: string } }>;
    };
    const token = tokens.nodes["mine"]?.tokens.accessToken ?? "";
    await tab.evaluate(
      async ([url, bearer, id]) => {
        const heard: string[] = [];
        (globalThis as unknown as { heard: string[] }).heard = heard;
        const source = new EventSource(`${url}/sse?token=${bearer}`);
        const session = await new Promise<string>((resolve) => {
          source.addEventListener("connect", (event) => resolve(String((event as { data?: unknown }).data)), {
            once: true,
          });
        });
        source.addEventListener("message", (event) => heard.push(String((event as { data?: unknown }).data)));
        const told = JSON.parse(session) as unknown;
        const sessionId =
          typeof told === "string" ? told : Object.values(told as object).find((value) => typeof value === "string");
        const response = await fetch(`${url}/sse/subscription`, {
          method: "POST",
          headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
          body: JSON.stringify({ id: sessionId, method: "subscribe", params: { contextIds: [id] } }),
        });
        if (!response.ok) throw new Error(await response.text());
      },
      [node.url, token, context] as const,
    );
    await set("seen", "in a tab");
    const heard = await eventually(async () => {
      const all = await tab.evaluate(() => (globalThis as unknown as { heard: string[] }).heard);
      return all.find((line) => line.includes("StateMutation"));
    }, "the tab hears the event");
    expect(heard).toContain(context);
  } finally {
    await browser.close();
    page.closeAllConnections();
    page.close();
  }
});

test("SIGTERM ends the node cleanly, and nothing of it is left open", async () => {
  expect(await node.end()).toBe(0);
  node = await own.start();
  expect(await get("kept")).toBe("through a kill");
  expect((await readdir(join(own.folder, "nodes/mine"))).toSorted()).toContain("config.toml");
});
