/** Ends and new beginnings of real processes: what is kept, what is forgotten, and why. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { endChildren, FIXTURE, startChild, type Child } from "./support/child.ts";

const WORD_COUNT = resolve(import.meta.dirname, "../../../../sdk/processor/examples/word-count");
const HOST_METRICS = resolve(import.meta.dirname, "../../../../sdk/processor/examples/host-metrics");
const SLOW_SAVES = { DORY_STATE_SAVE_INTERVAL_SEC: "3600" };
const FAST_SAVES = { DORY_STATE_SAVE_INTERVAL_SEC: "0.1" };

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-processor-"));
});
afterEach(async () => {
  endChildren();
  await rm(folder, { recursive: true, force: true });
});

async function run(env: Readonly<Record<string, string>> = {}, main = FIXTURE): Promise<Child> {
  return startChild(main, {
    DORY_STATE_BACKEND: "pvc",
    DORY_STATE_PVC_MOUNT: folder,
    DORY_RESTART_BACKOFF_SEC: "0",
    ...env,
  });
}
async function ready(env: Readonly<Record<string, string>> = {}, main = FIXTURE): Promise<Child> {
  const child = await run(env, main);
  await child.ready();
  return child;
}
const set = (child: Child, value: string): Promise<Response> => child.call("/value", { method: "PUT", body: value });
const valueOf = async (child: Child): Promise<unknown> => (await child.call("/value")).json();
const kept = async (): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(folder, "dory-state-prc-test.json"), "utf8")) as Record<string, unknown>;
const keptValue = async (value: string): Promise<void> => {
  await eventually(async () => {
    const { data } = await kept();
    return (data as { value: unknown }).value === value ? true : undefined;
  }, `saved ${value}`);
};

describe("a stop", () => {
  test("by SIGTERM finishes what is in hand, saves and exits 0", async () => {
    const child = await ready({ ...SLOW_SAVES, WISHES: "last-words" });
    const slow = child.call("/slow", { method: "POST" });
    await eventually(
      async () => (/"request_count":1/.test(await (await child.state()).text()) ? true : undefined),
      "in",
    );
    expect(await child.end("SIGTERM")).toBe(0);
    expect(await (await slow).text()).toBe("done");
    expect(child.log()).toContain("run has returned");
    expect(await kept()).toMatchObject({ data: { value: "slow", last: "words" } });
    expect(await readdir(folder)).toEqual(["dory-state-prc-test.json"]);
    const next = await ready();
    expect(await valueOf(next)).toMatchObject({ value: "slow", attempt: 1 });
  });

  test("by prestop takes no more work, saves before it answers, and leaves the end to SIGTERM", async () => {
    const child = await ready(SLOW_SAVES);
    await set(child, "moved");
    expect((await child.call("/prestop")).status).toBe(200);
    await keptValue("moved");
    expect((await child.call("/ready")).status).toBe(503);
    expect((await child.call("/health")).status).toBe(200);
    expect((await set(child, "too late")).status).toBe(503);
    expect(await child.end("SIGTERM")).toBe(0);
  });

  test("by itself when run returns, with 0; by failure with 1 and without a save", async () => {
    const finished = await run({ WISHES: "finish" });
    expect(await finished.exit).toBe(0);
    expect(await readdir(folder)).toEqual(["dory-state-prc-test.json"]);
    await rm(join(folder, "dory-state-prc-test.json"));
    const crashed = await run({ WISHES: "crash" });
    expect(await crashed.exit).toBe(1);
    expect(await readdir(folder)).toEqual(["dory-restarts-prc-test.json"]);
  });

  test("during the start keeps the state that was there", async () => {
    const first = await ready();
    await set(first, "precious");
    await first.end("SIGTERM");
    const second = await run({ WISHES: "slow-start" });
    await eventually(() => second.call("/health"), "listening");
    process.kill(second.pid, "SIGUSR1");
    expect((await second.state()).status).toBe(503);
    expect(await second.end("SIGTERM")).toBe(0);
    await keptValue("precious");
  });
});

describe("a death", () => {
  test("by kill -9 costs what came after the last save, no more", async () => {
    const first = await ready(FAST_SAVES);
    await set(first, "worked");
    await keptValue("worked");
    await first.end("SIGKILL");
    const second = await ready();
    expect(await valueOf(second)).toMatchObject({ value: "worked", attempt: 2 });
  });

  test("SIGUSR1 saves now", async () => {
    const child = await ready(SLOW_SAVES);
    await set(child, "now");
    process.kill(child.pid, "SIGUSR1");
    await keptValue("now");
    expect(child.log()).not.toContain("Debugger");
    expect((await child.call("/ready")).status).toBe(200);
  });

  test("again and again makes a golden start, unless the processor insists on its state", async () => {
    const first = await ready(FAST_SAVES);
    await set(first, "poisonous");
    await keptValue("poisonous");
    await first.end("SIGKILL");
    for (let death = 0; death < 2; death++) {
      const again = await ready(SLOW_SAVES);
      expect(await valueOf(again)).toMatchObject({ value: "poisonous" });
      await again.end("SIGKILL");
    }
    const insisting = await ready({ ...SLOW_SAVES, WISHES: "keep-state" });
    expect(await valueOf(insisting)).toEqual({ value: "poisonous", attempt: 4 });
    await insisting.end("SIGKILL");
    const golden = await ready(SLOW_SAVES);
    expect(await valueOf(golden)).toEqual({ value: "beginning", attempt: 5 });
    expect(golden.log()).toContain("died too often");
    expect(await golden.end("SIGTERM")).toBe(0);
    expect(await valueOf(await ready())).toEqual({ value: "beginning", attempt: 1 });
  });
});

describe("a state", () => {
  test("that cannot be read makes a golden start", async () => {
    await writeFile(join(folder, "dory-state-prc-test.json"), '{"data": {"value": "cut o');
    const child = await ready();
    expect(await valueOf(child)).toMatchObject({ value: "beginning" });
    expect(child.log()).toContain("cannot be read");
  });

  test("that the processor refuses is forgotten, or fails the start where the processor insists", async () => {
    const text = '{"data": {"value": "poison"}}';
    await writeFile(join(folder, "dory-state-prc-test.json"), text);
    const insisting = await run({ WISHES: "insist" });
    expect(await insisting.exit).toBe(1);
    expect(await readFile(join(folder, "dory-state-prc-test.json"), "utf8")).toBe(text);
    expect(await valueOf(await ready())).toMatchObject({ value: "beginning" });
  });

  test("of a later epoch makes a standby that takes and saves nothing", async () => {
    const later = await ready({ DORY_EPOCH: "3" });
    await set(later, "of three");
    await later.end("SIGTERM");
    const older = await run({ DORY_EPOCH: "2", ...FAST_SAVES });
    await eventually(() => (older.log().includes("a later activation") ? true : undefined), "superseded");
    expect((await older.call("/ready")).status).toBe(503);
    expect(await (await older.call("/")).json()).toMatchObject({ role: "STANDBY", epoch: 2 });
    expect((await older.state()).status).toBe(503);
    expect((await older.state({ method: "POST", body: "{}" })).status).toBe(503);
    expect(await older.end("SIGTERM")).toBe(0);
    expect(await kept()).toMatchObject({ epoch: 3, data: { value: "of three" } });
    expect(await readdir(folder)).toEqual(["dory-state-prc-test.json"]);
  });

  test("that was overtaken while it ran is not saved over its successor's", async () => {
    const old = await ready({ DORY_EPOCH: "4", ...FAST_SAVES, WISHES: "publish" });
    await set(old, "before");
    await keptValue("before");
    const body = await kept();
    const successor = { ...body, epoch: 5, digest: undefined, data: { value: "successor" } };
    await writeFile(join(folder, "dory-state-prc-test.json"), JSON.stringify(successor));
    await set(old, "after");
    await eventually(async () => ((await old.call("/ready")).status === 503 ? true : undefined), "standby");
    await eventually(
      () => (old.log().includes("run ended as that of a standby") ? true : undefined),
      "publishes no more",
    );
    expect((await old.call("/health")).status).toBe(200);
    expect(await old.end("SIGTERM")).toBe(0);
    await keptValue("successor");
  });

  test("is forgotten with its counters by a FACTORY reset", async () => {
    const child = await ready(SLOW_SAVES);
    await set(child, "old");
    expect((await child.call("/forget", { method: "POST" })).status).toBe(200);
    expect(await readdir(folder)).toEqual([]);
    expect(await valueOf(child)).toMatchObject({ value: "beginning" });
  });
});

test("the function form keeps its state, with the beginning of fields that a new version adds", async () => {
  const main = resolve(import.meta.dirname, "fixture-function.ts");
  await writeFile(join(folder, "dory-state-prc-test.json"), '{"data": {"steps": 1000}}');
  const child = await ready({ DORY_LOG_FORMAT: "text" }, main);
  const { data } = (await (await child.state()).json()) as { data: { steps: number; added: string } };
  expect(data.steps).toBeGreaterThan(1000);
  expect(data.added).toBe("since");
  expect(child.log()).toMatch(/^\d{4}-\d\d-\d\dT\S+Z INFO ready /m);
  expect(await child.end("SIGTERM")).toBe(0);
});

describe("the examples", () => {
  test("word-count counts real text over a kill, and refuses what is none", async () => {
    const text = await readFile(join(WORD_COUNT, "README.md"), "utf8");
    const first = await ready(FAST_SAVES, join(WORD_COUNT, "main.ts"));
    const posted = await first.call("/text", { method: "POST", body: text });
    expect([posted.status, await posted.json()]).toEqual([202, expect.objectContaining({ post: 1 })]);
    expect((await first.call("/text", { method: "POST", body: " ... " })).status).toBe(400);
    expect((await first.call("/text", { method: "POST", body: "x".repeat(1024 * 1024 + 1) })).status).toBe(413);
    const counts = await (await first.call("/counts")).json();
    await eventually(async () => ((await kept())["data"] as { posts: number }).posts === 1 || undefined, "saved");
    await first.end("SIGKILL");
    const second = await ready({}, join(WORD_COUNT, "main.ts"));
    expect(await (await second.call("/counts")).json()).toEqual(counts);
    expect((await second.call("/text", { method: "POST", body: "again" })).status).toBe(202);
    expect(await (await second.call("/counts")).json()).toMatchObject({ posts: 2 });
  });

  test("host-metrics reads this machine", async () => {
    const child = await ready({ INTERVAL_MS: "100" }, join(HOST_METRICS, "main.ts"));
    await eventually(() => (child.log().match(/"eventType":"reading"/g)?.length ?? 0) >= 2 || undefined, "readings");
    const event =
      child
        .log()
        .split("\n")
        .find((line) => line.includes('"reading"')) ?? "{}";
    const { payload } = JSON.parse(event) as {
      payload: { memory: { total_bytes: number }; disk: { free_bytes: number } };
    };
    expect(payload.memory.total_bytes).toBeGreaterThan(1e8);
    expect(payload.disk.free_bytes).toBeGreaterThan(0);
    expect(await child.end("SIGTERM")).toBe(0);
  });

  test("are built as images, and the images run", async () => {
    const builder = resolve(import.meta.dirname, "../../../../emulator/src/cluster/images/main.ts");
    const env = { ...process.env, CLUSTER_DATA_DIR: "cluster" };
    const built = await promisify(execFile)(process.execPath, [builder, WORD_COUNT], { env, cwd: folder });
    expect(built.stdout).toMatch(/^shoal\.local\/word-count@sha256:[0-9a-f]{64}\n$/);
    await mkdir(join(folder, "data"));
    const main = join(folder, "cluster", "images", built.stdout.trim().slice(-64), "main.mjs");
    const child = await ready({ DORY_STATE_PVC_MOUNT: join(folder, "data") }, main);
    expect((await child.call("/text", { method: "POST", body: "bundled words" })).status).toBe(202);
    expect((await child.call("/metrics")).status).toBe(200);
    expect(await child.end("SIGTERM")).toBe(0);
  });
});
