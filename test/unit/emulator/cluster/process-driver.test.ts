import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { processDriver } from "@shoal/emulator/cluster/drivers/process.ts";
import { buildImage } from "@shoal/emulator/cluster/images/build.ts";
import { imageStore } from "@shoal/emulator/cluster/images/store.ts";
import type { PodDriver, RunningContainer } from "@shoal/emulator/cluster/kubelet/driver.ts";
import { linesIn } from "@shoal/emulator/cluster/kubelet/log-file.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { eventually, systemClock } from "../../../support/clock.ts";

let folder: string;
const started: RunningContainer[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-driver-"));
});
afterEach(async () => {
  for (const one of started.splice(0)) {
    one.kill("SIGKILL");
    await one.exited;
  }
  await rm(folder, { recursive: true, force: true });
});

const open = async (keep = false): Promise<PodDriver> =>
  processDriver({ dataDir: folder, log: silentLog, clock: systemClock, keep });

async function run(driver: PodDriver, script: string, extra: object = {}): Promise<RunningContainer> {
  const request = {
    podUid: "u1",
    container: "main",
    attempt: 0,
    cwd: folder,
    env: { A: "1" },
    memoryLimitMiB: undefined,
  };
  const one = await driver.start({ ...request, command: ["node", "-e", script], ...extra });
  started.push(one);
  return one;
}
const said = async (one: RunningContainer): Promise<string[]> => {
  await one.log.flushed();
  return (await linesIn(one.log.path)).map((line) => line.slice(line.indexOf(" ") + 1));
};
const forever = "setInterval(() => {}, 1000);";

describe("containers as processes", () => {
  it("runs with its own environment and nothing of ours, and keeps what it said", async () => {
    process.env["OUR_SECRET"] = "x";
    const driver = await open();
    const one = await run(
      driver,
      "console.log(process.env.A, process.env.OUR_SECRET); console.error('bad'); process.exit(3)",
    );
    expect(await one.exited).toMatchObject({ exitCode: 3, reason: "Error" });
    expect((await said(one)).sort()).toEqual(["1 undefined", "bad"]);
  });

  it("loses nothing of a burst right before the end", async () => {
    const driver = await open();
    const one = await run(driver, "for (let i = 0; i < 5000; i++) console.log('line ' + i)");
    await one.exited;
    expect(await said(one)).toHaveLength(5000);
  });

  it("refuses a command that does not exist, and ends a whole group", async () => {
    const driver = await open();
    await expect(run(driver, "", { command: ["/no/such/program"] })).resolves.toBeDefined();
    expect((await started[0]?.exited)?.exitCode).toBe(127);
    const one = await run(
      driver,
      `const c = require('child_process').spawn('sleep', ['1000']); console.log(c.pid); ${forever}`,
      { podUid: "u2" },
    );
    const [pid] = await eventually(
      async () => ((await said(one)).length > 0 ? said(one) : undefined),
      "it says its child",
    );
    one.kill("SIGTERM");
    expect(await one.exited).toMatchObject({ exitCode: 143 });
    await eventually(() => (isGone(Number(pid)) ? true : undefined), "the child is gone");
  });

  it("takes along what a first process that ended left behind", async () => {
    const driver = await open();
    const leaving = `const c = require('child_process').spawn('sleep', ['1000'], { stdio: 'ignore' }); c.unref(); console.log(c.pid);`;
    const one = await run(driver, leaving);
    await one.exited;
    const [pid] = await said(one);
    await eventually(() => (isGone(Number(pid)) ? true : undefined), "the child is gone");
  });

  it("calls a heap that ran full OOMKilled", async () => {
    const driver = await open();
    const one = await run(driver, "const a = []; for (;;) a.push(new Array(1e5).fill(Math.random()))", {
      memoryLimitMiB: 32,
    });
    expect(await one.exited).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
  });

  it("runs commands inside, with input, output and exit code", async () => {
    const driver = await open();
    const one = await run(driver, forever);
    const session = one.exec(["sh", "-c", "read x; echo $A-$x; exit 5"], { stdin: true });
    let text = "";
    session.stdout.on("data", (chunk) => (text += String(chunk)));
    session.stdin?.end("in\n");
    expect([await session.exited, text]).toEqual([5, "1-in\n"]);
    expect(await one.exec(["/no/such"], { stdin: false }).exited).not.toBe(0);
  });

  it("finds what still runs after a death without warning, and hears it go on", async () => {
    const former = await open(true);
    const address = await former.addressFor("u1", [8080]);
    const one = await run(
      former,
      `let i = 0; setInterval(() => console.log('beat ' + i++), 20); process.on('SIGTERM', () => process.exit(0));`,
    );
    await eventually(async () => ((await said(one)).length > 2 ? true : undefined), "it beats");
    const driver = await open(true);
    const [found] = await driver.recover();
    expect(found).toMatchObject({ podUid: "u1", container: "main", attempt: 0, startedAt: one.startedAt });
    expect(await driver.addressFor("u1", [8080])).toBe(address);
    const session = found?.exec(["sh", "-c", "exit $A"], { stdin: false });
    expect(await session?.exited).toBe(1);
    found?.kill("SIGTERM");
    expect(await found?.exited).toMatchObject({ exitCode: 137, reason: "ContainerStatusUnknown" });
    expect(await driver.recover()).toEqual([]);
  });

  it("does not take a stranger with the same pid for its own", async () => {
    const driver = await open(true);
    const one = await run(driver, forever);
    const file = join(folder, "pods", "u1", "main", "process.json");
    const record = JSON.parse(await (await import("node:fs/promises")).readFile(file, "utf8")) as object;
    await writeFile(file, JSON.stringify({ ...record, bornAt: "1" }));
    expect(await (await open(true)).recover()).toEqual([]);
    expect(isGone(Number(one.id.slice(10).split("-")[0]))).toBe(false);
  });
});

describe("images", () => {
  it("have the same reference for the same source, run without node_modules, and are found by it", async () => {
    const source = join(folder, "source");
    const { mkdir } = await import("node:fs/promises");
    await mkdir(source);
    await writeFile(join(source, "shoal-image.json"), JSON.stringify({ name: "pure", command: ["node", "main.ts"] }));
    await writeFile(
      join(source, "main.ts"),
      'import { seconds } from "@shoal/shared/base/time.ts"; const n: number = seconds(2); console.log(n);'.replace(
        "@shoal",
        "@shoal",
      ),
    );
    await writeFile(join(source, "data.txt"), "hello");
    const { symlink } = await import("node:fs/promises");
    await symlink(join(import.meta.dirname, "../../../../node_modules"), join(folder, "node_modules"));
    const reference = await buildImage(join(folder, "images"), source);
    expect(reference).toMatch(/^shoal\.local\/pure@sha256:[0-9a-f]{64}$/);
    expect(await buildImage(join(folder, "other"), source)).toBe(reference);
    const image = await imageStore(join(folder, "images")).resolve(reference);
    const driver = await open();
    const one = await run(driver, "", { command: image?.command, cwd: image?.cwd });
    expect([(await one.exited).exitCode, await said(one)]).toEqual([0, ["2000"]]);
    expect(await imageStore(join(folder, "images")).resolve(reference.replace(/.{4}$/, "0000"))).toBeUndefined();
    expect(await imageStore(join(folder, "images")).resolve("nginx:latest")).toBeUndefined();
    await writeFile(join(source, "data.txt"), "changed");
    expect(await buildImage(join(folder, "images"), source)).not.toBe(reference);
  });
});

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
