/** Every command that reads, in every format, against a server whose routes are the registry. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as samples from "../../support/registry-samples.ts";
import { startRegistryServer, TOKEN, type RegistryServer } from "../../support/registry-server.ts";
import { openShell, type Shell } from "./shoal.ts";

let server: RegistryServer;
let shell: Shell;
const page = (...items: unknown[]) => ({ items, next_cursor: null });

beforeAll(async () => {
  server = await startRegistryServer({
    "sessions.current": () => samples.whoami,
    "templates.list": () => page(samples.template()),
    "templates.get": () => samples.template(),
    "versions.list": () => page(samples.version()),
    "versions.get": () => samples.version(),
    "processors.list": () => page(samples.processor()),
    "processors.get": () => samples.processor(),
    "processors.logs": () => "one\ntwo\n",
    "operations.list": () => page(samples.operation()),
    "operations.get": () => samples.operation({ state: "succeeded" }),
    "events.list": () => ({ items: [samples.event(1), samples.event(2)], next_cursor: "2" }),
    "audit.list": () => page(samples.auditEntry),
    "api-keys.list": () => page(samples.apiKey()),
  });
  shell = await openShell({ SHOAL_URL: server.url, SHOAL_TOKEN: TOKEN });
});
afterAll(async () => {
  await shell.leave();
  await server.stop();
});

const READS: readonly [command: string, inTable: string][] = [
  ["whoami", "Ada, ada@example.test, usr-1"],
  ["templates list", "host-metrics"],
  ["templates get host-metrics", "host-metrics"],
  ["templates versions list host-metrics", "sha256:0123456789ab"],
  ["templates versions get host-metrics 1.0.0", samples.DIGEST],
  ["processors list", "Placed: no host has 4 cores"],
  ["processors get meter", "NoCapacity"],
  ["operations list", "op-aaaaaaaaaaaaaaaaaaaa"],
  ["operations get op-1", "succeeded"],
  ["operations wait op-1", "succeeded"],
  ["events", "event 2"],
  ["audit", "user usr-1"],
  ["keys list", "shoal_key_ab…"],
];

describe.each(READS)("%s", (command, inTable) => {
  test("is valid JSON for programs, a table for people", async () => {
    const [json, table] = await Promise.all([
      shell.run(...command.split(" "), "-o", "json"),
      shell.run(...command.split(" ")),
    ]);
    expect(json).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(json.out)).toBeTypeOf("object");
    expect(table).toMatchObject({ code: 0, err: "" });
    expect(table.out).toContain(inTable);
  });
});

test("a log is its lines, or a line of JSON for each; what was asked for reaches the server", async () => {
  const [plain, json] = await Promise.all([
    shell.run("processors", "logs", "meter", "--tail", "7"),
    shell.run("processors", "logs", "meter", "-o", "json"),
  ]);
  expect(plain).toEqual({ code: 0, out: "one\ntwo\n", err: "" });
  expect(
    json.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([{ line: "one" }, { line: "two" }]);
  expect(server.calls.find((call) => call.query["tail"] === 7)?.params).toEqual({ id: "meter" });
});

test("quiet prints names only", async () => {
  expect(await shell.run("processors", "list", "-q")).toEqual({ code: 0, out: "meter\n", err: "" });
});

test("filters come from the registry", async () => {
  await shell.run(
    "processors",
    "list",
    "--status",
    "failed",
    "--node-type",
    "edge",
    "--name-prefix",
    "m",
    "--template",
    "t",
  );
  expect(server.calls.at(-1)?.query).toMatchObject({
    status: "failed",
    node_type: "edge",
    name_prefix: "m",
    template: "t",
  });
});

test("a list goes over its pages up to the limit, and says that more exist", async () => {
  server.handlers["templates.list"] = ({ query }) => {
    const from = Number(query["cursor"] ?? 0);
    const items = Array.from({ length: Number(query["limit"]) }, (_, n) => samples.template({ slug: `t${from + n}` }));
    return { items, next_cursor: String(from + items.length) };
  };
  const ended = await shell.run("templates", "list", "--limit", "450", "-o", "json");
  const { items, next_cursor } = JSON.parse(ended.out) as { items: { slug: string }[]; next_cursor: string };
  expect([items.length, items.at(-1)?.slug, next_cursor]).toEqual([450, "t449", "450"]);
  expect(ended.err).toContain("more exist");
});

test("control characters of what the server tells do not reach the terminal", async () => {
  const evil = "\u001b[2J\u001b]0;owned\u0007\u202eend";
  server.handlers["templates.get"] = () => samples.template({ description: evil });
  const ended = await shell.run("templates", "get", "evil");
  expect(ended.code).toBe(0);
  expect(ended.out).toContain("owned");
  expect(["\u001b", "\u0007", "\u202e"].filter((character) => ended.out.includes(character))).toEqual([]);
});
