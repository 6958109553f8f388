import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres, type Postgres } from "@shoal/emulator/postgres/index.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { eventually } from "../../../support/clock.ts";
import { testDatabase } from "../../../support/postgres.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-postgres-"));
  await chmod(folder, 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function ask(url: string, statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query({ text: statement, rowMode: "array" })).rows.flat();
  } finally {
    await client.end();
  }
}

const postmasterPid = async (dataDir: string): Promise<number> =>
  Number((await readFile(join(dataDir, "data", "postmaster.pid"), "utf8")).split("\n")[0]);

/** Another process starts a server and is killed before it can stop it. */
async function startAndDie(dataDir: string, durable: boolean): Promise<void> {
  const script = `
    import { startPostgres } from "@shoal/emulator/postgres/index.ts";
    import { silentLog } from "@shoal/shared/base/log.ts";
    const postgres = await startPostgres({ dataDir: ${JSON.stringify(dataDir)}, port: 0, log: silentLog, durable: ${durable} });
    process.kill(process.pid, "SIGKILL");`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], { stdio: "inherit" });
  expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
}

describe("a durable server", () => {
  let postgres: Postgres;
  const dataDir = (): string => join(folder, "durable");
  const start = (): Promise<Postgres> => startPostgres({ dataDir: dataDir(), port: 0, log: silentLog, durable: true });

  test("outlives a parent that was killed, and the next start adopts it", async () => {
    await startAndDie(dataDir(), true);
    const before = await postmasterPid(dataDir());
    postgres = await start();
    expect(await postmasterPid(dataDir())).toBe(before);
    expect(await ask(postgres.superuserUrl, "show fsync")).toEqual(["on"]);
  });

  test("keeps what was committed when it is killed", async () => {
    await ask(postgres.superuserUrl, "create table kept as select 7 as n");
    await postgres.faults.kill9();
    await expect(ask(postgres.superuserUrl, "select 1")).rejects.toThrow("ECONNREFUSED");
    await postgres.faults.restart();
    expect(await ask(postgres.superuserUrl, "select n from kept")).toEqual([7]);
  });

  test("stops, and starts again on what is there", async () => {
    await postgres.stop();
    await expect(postmasterPid(dataDir())).rejects.toThrow("ENOENT");
    postgres = await start();
    expect(await ask(postgres.superuserUrl, "select n from kept")).toEqual([7]);
    await postgres.stop();
  });

  test("keeps its password from other users", async () => {
    expect((await stat(join(dataDir(), "password"))).mode & 0o777).toBe(0o600);
  });

  test("says why it cannot start", async () => {
    const broken = startPostgres({
      dataDir: dataDir(),
      port: 0,
      log: silentLog,
      durable: true,
      settings: { shared_buffers: "nonsense" },
    });
    await expect(broken).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("shared_buffers"),
    });
  });
});

test("a throw-away server dies with its parent", async () => {
  const dataDir = join(folder, "throw-away");
  await startAndDie(dataDir, false);
  const pid = await postmasterPid(dataDir).catch(() => undefined);
  if (pid === undefined) return;
  await eventually(
    async () => ((await stat(`/proc/${pid}`).catch(() => undefined)) === undefined ? true : undefined),
    "gone",
  );
});

test("a folder that only root can look into does not matter", async () => {
  const dataDir = join(folder, "closed", "postgres");
  await mkdir(join(folder, "closed"), { mode: 0o700 });
  const postgres = await startPostgres({ dataDir, port: 0, log: silentLog, durable: false });
  expect(await ask(postgres.superuserUrl, "select 1")).toEqual([1]);
  await postgres.stop();
});

test("databases of test files are apart, and may be made at the same time", async () => {
  const databases = await Promise.all([testDatabase(), testDatabase(), testDatabase(), testDatabase()]);
  await databases[0]?.sql.query("create table mine (n int)");
  const found = await Promise.all(databases.map((each) => ask(each.url, "select to_regclass('mine') is not null")));
  expect(found.flat()).toEqual([true, false, false, false]);
  expect(await ask(databases[1]?.url ?? "", "select count(*) > 0 from schema_migrations")).toEqual([true]);
  await Promise.all(databases.map((each) => each.drop()));
});
