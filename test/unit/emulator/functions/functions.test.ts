import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCloudTasks, type CloudTasksServer } from "@shoal/emulator/cloud-tasks/index.ts";
import { readManifest, triggersOf } from "@shoal/emulator/functions/manifest.ts";
import { write } from "@shoal/emulator/processes/output.ts";
import { groupsOf, startFunctions, type Functions } from "@shoal/emulator/functions/supervisor.ts";
import { startIdentity, type IdentityServer } from "@shoal/emulator/identity/index.ts";
import { createScheduler } from "@shoal/emulator/scheduler/scheduler.ts";
import { createFireSender } from "@shoal/emulator/scheduler/send.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { silentLog, type Log } from "@shoal/shared/base/log.ts";
import { eventually } from "../../../support/clock.ts";

const source = fileURLToPath(new URL("./fixture.ts", import.meta.url));

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function recordingLog(lines: Line[]): Log {
  const at = (level: string, bound: object) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: { ...bound, ...fields } });
  const make = (bound: object): Log => ({
    debug: at("debug", bound),
    info: at("info", bound),
    warn: at("warn", bound),
    error: at("error", bound),
    child: (fields) => make({ ...bound, ...fields }),
  });
  return make({});
}

describe("the platform", () => {
  const lines: Line[] = [];
  let functions: Functions;
  let identity: IdentityServer;
  let tasks: CloudTasksServer;
  let folder: string;
  const hello = async (): Promise<{ hello: string; pid: number }> =>
    (await (await fetch(`${functions.targetOf("api")}api/v1/hello`)).json()) as { hello: string; pid: number };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "shoal-functions-"));
    process.env["NOT_TO_BE_INHERITED"] = "secret";
    functions = await startFunctions({
      source,
      project: "demo-local",
      env: { GREETING: "ahoy" },
      log: recordingLog(lines),
      clock: systemClock,
      random: systemRandom,
    });
    identity = await startIdentity({
      dataDir: folder,
      port: 0,
      log: silentLog,
      clock: systemClock,
      clients: [],
      users: [],
    });
    tasks = await startCloudTasks({
      clock: systemClock,
      log: silentLog,
      port: 0,
      project: "demo-local",
      location: "us-central1",
      targetOf: (name) => functions.targetOf(name),
      signToken: (claims) => identity.signServiceToken(claims),
    });
    tasks.declareQueues(triggersOf(functions.manifest, "taskQueueTrigger"));
    tasks.start();
  });
  afterAll(async () => {
    delete process.env["NOT_TO_BE_INHERITED"];
    await tasks.stop();
    await identity.stop();
    await functions.stop();
    await rm(folder, { recursive: true });
  });

  test("reads queues and schedules from the code, as a deploy would", () => {
    expect(Object.keys(functions.manifest.endpoints)).toEqual(["api", "dispatch", "tick"]);
    expect(triggersOf(functions.manifest, "scheduleTrigger")).toMatchObject({
      tick: { schedule: "every 1 minutes", timeZone: "Etc/UTC", retryConfig: { retryCount: 2 } },
    });
    expect(tasks.state.getQueue(`${tasks.parent}/queues/dispatch`)).toMatchObject({
      retryConfig: { maxAttempts: 4, minBackoff: 1000 },
      rateLimits: { maxConcurrentDispatches: 6 },
    });
  });

  test("serves in two processes, with the environment that it is given and no other", async () => {
    expect(functions.status().map(({ name, targets }) => [name, targets])).toEqual([
      ["front", ["api"]],
      ["work", ["dispatch", "tick"]],
    ]);
    expect((await hello()).hello).toBe("ahoy");
    const environment = (await (await fetch(`${functions.targetOf("api")}api/v1/environment`)).json()) as object;
    expect(environment).toMatchObject({ GCLOUD_PROJECT: "demo-local", TZ: "UTC" });
    expect(environment).not.toHaveProperty("NOT_TO_BE_INHERITED");
    expect(environment).not.toHaveProperty("FUNCTIONS_EMULATOR");
  });

  test("a task reaches its function, which checks the token and logs into our log", async () => {
    const refused = await fetch(functions.targetOf("dispatch") ?? "", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"data":{}}',
    });
    expect(refused.status).toBe(401);
    const queue = `${tasks.parent}/queues/dispatch`;
    tasks.state.createTask(queue, {
      httpRequest: {
        headers: { "Content-Type": "application/json" },
        body: Buffer.from('{"data":{"shard":3}}').toString("base64"),
        oidcToken: { serviceAccountEmail: "tasks@demo-local" },
      },
    });
    const line = await eventually(() => lines.find((each) => each.message === "dispatched"), "dispatched");
    expect(line).toMatchObject({
      level: "warn",
      fields: { process: "work", data: { shard: 3 }, queue: "dispatch", email: "tasks@demo-local" },
    });
    await eventually(() => (tasks.state.listTasks(queue, 10, "").items.length === 0 ? true : undefined), "done");
  });

  test("a schedule reaches its function", async () => {
    const sender = createFireSender({
      targetOf: (name) => functions.targetOf(name),
      signToken: (claims) => identity.signServiceToken(claims),
      serviceAccountEmail: "scheduler@demo-local",
    });
    const scheduler = createScheduler({
      clock: systemClock,
      log: silentLog,
      send: sender.send,
      location: "us-central1",
    });
    scheduler.declareJobs(triggersOf(functions.manifest, "scheduleTrigger"));
    expect(await scheduler.run("tick")).toBe(true);
    const line = await eventually(() => lines.find((each) => each.message === "ticked"), "ticked");
    expect(line).toMatchObject({ level: "info", fields: { job: "firebase-schedule-tick-us-central1" } });
    scheduler.stop();
    await sender.close();
  });

  test("a killed group comes back, and the other never noticed", async () => {
    const before = { front: (await hello()).pid, work: functions.status()[1]?.pid };
    functions.faults.kill9("front");
    await eventually(() => (functions.targetOf("api") === undefined ? true : undefined), "down");
    const after = await eventually(async () => (functions.targetOf("api") === undefined ? undefined : hello()), "back");
    expect(after.pid).not.toBe(before.front);
    expect(functions.status()).toMatchObject([{ restarts: 1 }, { restarts: 0, pid: before.work }]);
  });

  test("an answer under way is finished before the process leaves", async () => {
    const brief = await startFunctions({
      source,
      project: "p",
      env: {},
      log: silentLog,
      clock: systemClock,
      random: systemRandom,
    });
    const slow = fetch(`${brief.targetOf("api")}api/v1/slow`);
    await fetch(`${brief.targetOf("api")}api/v1/hello`);
    const [answer] = await Promise.all([slow.then((each) => each.text()), brief.stop()]);
    expect(answer).toBe("done");
  });
});

test("functions die with a parent that is killed", async () => {
  const script = `
    import { startFunctions } from "@shoal/emulator/functions/supervisor.ts";
    import { systemClock } from "@shoal/shared/system/clock.ts";
    import { systemRandom } from "@shoal/shared/system/random.ts";
    import { silentLog } from "@shoal/shared/base/log.ts";
    const functions = await startFunctions({ source: ${JSON.stringify(source)}, project: "p", env: {}, log: silentLog, clock: systemClock, random: systemRandom });
    console.log(functions.status().map((group) => group.pid).join(" "));`;
  const parent = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pids = await new Promise<number[]>((resolve) =>
    createInterface({ input: parent.stdout }).once("line", (line) => resolve(line.split(" ").map(Number))),
  );
  expect(pids).toHaveLength(2);
  parent.kill("SIGKILL");
  for (const pid of pids) await eventually(() => (isAlive(pid) ? undefined : true), `${pid} is gone`);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("code that cannot be loaded says so", async () => {
  await expect(readManifest(fileURLToPath(new URL("./nothing.ts", import.meta.url)), {})).rejects.toMatchObject({
    code: "internal",
  });
});

test("what no group names is work, and an empty group is none", () => {
  expect(groupsOf(["api", "kms", "tick"], { front: ["api", "edge"], other: ["x"] })).toEqual({
    front: ["api"],
    work: ["kms", "tick"],
  });
});

test.each([
  ['{"severity":"ERROR","message":"m","a":1}', { level: "error", message: "m", fields: { a: 1 } }],
  ['{"level":20,"msg":"m","time":1,"pid":2,"hostname":"h"}', { level: "debug", message: "m", fields: {} }],
  ['{"no":"message"}', { level: "info", message: "", fields: { no: "message" } }],
  ["{ torn", { level: "warn", message: "{ torn", fields: {} }],
  ["plain", { level: "warn", message: "plain", fields: {} }],
])("the line %s", (line, expected) => {
  const lines: Line[] = [];
  write(recordingLog(lines), line, "warn");
  expect(lines).toEqual([expected]);
});
