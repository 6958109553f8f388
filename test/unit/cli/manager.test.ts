/** The command line and the client against the manager that they are made for: real PostgreSQL, real HTTP, real processes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, type Client } from "@shoal/client/index.ts";
import { eventually } from "../../support/clock.ts";
import { DIGEST } from "../../support/registry-samples.ts";
import { serveManager, type ServedManager } from "./served-manager.ts";
import { openShell, type Ended, type Shell } from "./shoal.ts";

let manager: ServedManager;
let shell: Shell;
let client: Client;
beforeAll(async () => {
  manager = await serveManager();
  shell = await openShell({ SHOAL_URL: manager.url, SHOAL_TOKEN: manager.token });
  // Every answer of the real manager is held against the registry.
  client = createClient({ baseUrl: manager.url, token: manager.token, validateAnswers: true });
});
afterAll(async () => {
  await shell.leave();
  await manager.stop();
});

const run = (line: string): Promise<Ended> => shell.run(...line.split(" "));
const json = async (line: string): Promise<Record<string, unknown>> => {
  const ended = await run(`${line} -o json`);
  expect(ended).toMatchObject({ code: 0, err: "" });
  return JSON.parse(ended.out) as Record<string, unknown>;
};

test("from a template to a processor and away again", async () => {
  expect(await json("whoami")).toMatchObject({ organisation: { slug: "acme" }, source: "SHOAL_URL" });
  await json("templates create host-metrics --description readings");
  expect(
    await json(`templates versions create host-metrics 1.0.0 --image registry.example.com/app@${DIGEST}`),
  ).toMatchObject({ is_active: true });
  expect(await json("processors create meter --template host-metrics --env GREETING=hi")).toMatchObject({
    processor: { name: "meter", config: { env_vars: { GREETING: "hi" } } },
    operation: { kind: "processor.create" },
  });
  const watch = shell.start("processors", "watch", "meter");
  await eventually(() => (watch.written().out.includes("generation 1") ? true : undefined), "the watch begins");
  await json("processors update meter --env GREETING=hello");
  await eventually(
    () => (watch.written().out.includes("generation 2") ? true : undefined),
    "the watch sees the change",
  );
  watch.process.kill("SIGINT");
  expect(await watch.ended).toMatchObject({ code: 0, err: "" });

  const { items } = (await json("processors list --template host-metrics")) as { items: { generation: number }[] };
  expect(items).toMatchObject([{ name: "meter", generation: 2 }]);
  expect(await json("operations list")).toMatchObject({
    items: [{ kind: "processor.update" }, { kind: "processor.create" }],
  });
  expect(JSON.stringify(await json("events"))).toContain("processor");
  expect(JSON.stringify(await json("audit"))).toContain("template.create");
  await json("processors delete meter");
});

test("what the manager refuses", async () => {
  const told = async (line: string): Promise<[number | null, string]> => {
    const { code, err } = await run(line);
    return [code, err];
  };
  expect(await told("processors get nobody")).toEqual([
    3,
    expect.stringMatching(/code: not_found[^]*request id: req-/),
  ]);
  expect(await told("processors create Bad.Name --template host-metrics")).toEqual([
    2,
    expect.stringContaining("field: name"),
  ]);
  expect(await told("templates create host-metrics")).toEqual([4, expect.stringContaining("code: already_exists")]);
  expect(await told("--token shoal_key_x whoami")).toEqual([5, expect.stringContaining("shoal login")]);
  expect(await told("processors create twin --template none")).toEqual([
    expect.any(Number),
    expect.stringContaining("field: template"),
  ]);
});

test("a stale generation is refused, the same call under one key is one processor", async () => {
  const body = { name: "once", template: "host-metrics" };
  const [first, second] = await Promise.all(
    [0, 1].map(() => client.call("processors.create", { body, idempotencyKey: "once" })),
  );
  expect(first?.processor.id).toBe(second?.processor.id);
  const params = { id: "once" };
  await client.call("processors.update", { params, body: { config: { env_vars: { A: "1" } } }, ifMatch: 1 });
  const stale = client.call("processors.update", { params, body: { config: { env_vars: { A: "2" } } }, ifMatch: 1 });
  await expect(stale).rejects.toMatchObject({ code: "precondition_failed", status: 412 });
});

test("events resume after the last one that was read", async () => {
  const seen: string[] = [];
  for await (const event of client.events()) if (seen.push(event.cursor) === 2) break;
  const rest: string[] = [];
  for await (const event of client.events({ query: { after: seen[0] ?? "" } }))
    if (rest.push(event.cursor) === 1) break;
  expect(rest).toEqual([seen[1]]);
});
