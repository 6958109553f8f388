/** Commands that change something: what they send, and what they say of it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { apiKey, DIGEST, operation, processor, template, version } from "../../support/registry-samples.ts";
import { startRegistryServer, TOKEN, type Handler, type RegistryServer } from "../../support/registry-server.ts";
import { openShell, type Ended, type Shell } from "./shoal.ts";

let server: RegistryServer;
let shell: Shell;
const accepted: Handler = () => ({ operation: operation(), processor: processor() });

beforeEach(async () => {
  server = await startRegistryServer({
    "processors.create": accepted,
    "processors.update": accepted,
    "processors.delete": accepted,
    "processors.restart": accepted,
    "processors.get": () => processor({ generation: 7, status: "running" }),
    "templates.create": () => template(),
    "templates.update": () => template(),
    "templates.delete": () => undefined,
    "versions.create": () => version(),
    "versions.activate": () => ({ version: version(), processors_changed: 3 }),
    "operations.cancel": () => operation({ state: "cancelled" }),
    "api-keys.create": () => ({ api_key: apiKey(), token: "shoal_key_secret" }),
    "api-keys.revoke": () => apiKey(),
  });
  shell = await openShell({ SHOAL_URL: server.url, SHOAL_TOKEN: TOKEN });
});
afterEach(async () => {
  await shell.leave();
  await server.stop();
});

const run = (line: string): Promise<Ended> => shell.run(...line.split(" "));
const sent = (id: string) => server.calls.find((call) => call.id === id);

describe("processors", () => {
  test("create sends what was given, by options and by file", async () => {
    await writeFile(
      join(shell.folder, "c.json"),
      JSON.stringify({ resources: { cpu_request: "1" }, env_vars: { A: "file", B: "file" } }),
    );
    const ended = await run(
      "processors create meter --template host-metrics --node-type edge --config c.json --env A=option C=x=y",
    );
    expect(ended).toMatchObject({ code: 0, out: expect.stringContaining("shoal processors watch meter") });
    expect(sent("processors.create")?.body).toEqual({
      name: "meter",
      template: "host-metrics",
      node_type: "edge",
      config: { resources: { cpu_request: "1" }, env_vars: { A: "option", B: "file", C: "x=y" } },
    });
    expect(sent("processors.create")?.headers["idempotency-key"]).toMatch(/^\w{32}$/);
  });

  test("update holds on to the generation it saw, or to the one it was told", async () => {
    await run("processors update meter --unset-env A --name meter-2");
    expect(sent("processors.update")).toMatchObject({
      body: { name: "meter-2", config: { env_vars: { A: null } } },
      params: { id: "meter" },
    });
    expect(sent("processors.update")?.headers["if-match"]).toBe('"7"');
    server.calls.length = 0;
    await run("processors update meter --name meter-2 --if-match 3");
    expect(server.calls.map((call) => [call.id, call.headers["if-match"]])).toEqual([["processors.update", '"3"']]);
  });

  test("--wait ends with the operation, and fails where that failed", async () => {
    let state: "running" | "succeeded" | "failed" = "running";
    server.handlers["operations.get"] = () => {
      const answer = operation({
        state,
        error: state === "failed" ? { code: "no_capacity", message: "no host" } : null,
      });
      state = "succeeded";
      return answer;
    };
    expect(await run("processors create meter --template t --wait -q")).toEqual({ code: 0, out: "meter\n", err: "" });
    state = "failed";
    const ended = await run("processors restart meter --wait");
    expect(ended).toMatchObject({ code: 1, err: expect.stringContaining("failed: no host (no_capacity)") });
    state = "failed";
    const json = await run("processors delete meter --wait -o json -q");
    expect([json.code, json.err, (JSON.parse(json.out) as { operation: { state: string } }).operation.state]).toEqual([
      1,
      "",
      "failed",
    ]);
    state = "failed";
    expect(await run("operations wait op-1")).toMatchObject({ code: 1, out: expect.stringContaining("no_capacity") });
  });

  test("a wait that takes too long says that the operation goes on", async () => {
    server.handlers["operations.get"] = () => operation({ state: "running" });
    const ended = await run("operations wait op-1 --timeout 1");
    expect(ended).toMatchObject({ code: 7, err: expect.stringContaining("it goes on by itself") });
  });
});

test("templates and versions", async () => {
  const [create, update, add, activate, gone] = await Promise.all([
    run("templates create host-metrics --description x"),
    run("templates update host-metrics --name H"),
    run(`templates versions create host-metrics 1.0.0 --image registry.example.com/app:1@${DIGEST} --activate`),
    run("templates versions activate host-metrics 1.0.0"),
    run("templates delete host-metrics -o json"),
  ]);
  expect([create, update, add, activate, gone].map((ended) => ended.code)).toEqual([0, 0, 0, 0, 0]);
  expect(sent("templates.create")?.body).toEqual({ slug: "host-metrics", description: "x" });
  expect(sent("templates.update")?.body).toEqual({ name: "H" });
  expect(sent("versions.create")?.body).toMatchObject({
    version: "1.0.0",
    image_uri: "registry.example.com/app:1",
    digest: DIGEST,
    activate: true,
  });
  expect(activate.out).toContain("processors that move to it: 3");
  expect(JSON.parse(gone.out)).toEqual({ id: "host-metrics", deleted: true });
});

test("keys show their token once, and give a script nothing else", async () => {
  const [shown, quiet, revoked, cancelled] = await Promise.all([
    run("keys create ci --scopes processors:read templates:read"),
    run("keys create ci --scopes processors:read -q"),
    run("keys revoke key-1"),
    run("operations cancel op-1"),
  ]);
  expect(shown.out).toContain("token (shown once): shoal_key_secret");
  expect(quiet.out).toBe("shoal_key_secret\n");
  expect(server.calls.map((call) => (call.body as { scopes?: string[] } | undefined)?.scopes)).toContainEqual([
    "processors:read",
    "templates:read",
  ]);
  expect(revoked.out).toContain("is revoked");
  expect(cancelled).toMatchObject({ code: 0, out: expect.stringContaining("cancelled") });
});
