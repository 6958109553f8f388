/**
 * The server that database benches run on: durable (fsync and synchronous_commit on), with memory and WAL so sized that no
 * checkpoint falls into a round. One server for a run, a fresh database for each contestant and round.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { startPostgres } from "@shoal/emulator/postgres/index.ts";
import { silentLog } from "@shoal/shared/base/log.ts";

const SETTINGS = {
  shared_buffers: "1GB",
  min_wal_size: "3GB",
  max_wal_size: "4GB",
  checkpoint_timeout: "15min",
  fsync: "on",
  synchronous_commit: "on",
  max_connections: "150",
} as const;

export interface BenchPostgres {
  readonly pid: number;
  /** A new database; the template is PostgreSQL's own. */
  create(name: string): Promise<string>;
  drop(name: string): Promise<void>;
  /** Everything on disk and counted, so that the next round starts from rest. */
  settle(url: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startBenchPostgres(): Promise<BenchPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), "shoal-bench-"));
  const server = await startPostgres({ dataDir, port: 0, log: silentLog, durable: true, settings: SETTINGS });
  const pid = Number((await readFile(join(dataDir, "data", "postmaster.pid"), "utf8")).split("\n")[0]);
  const say = async (url: string, ...statements: string[]): Promise<void> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  };
  return {
    pid,
    create: async (name) => {
      await say(server.superuserUrl, `create database ${name}`);
      const url = new URL(server.superuserUrl);
      url.pathname = `/${name}`;
      return url.href;
    },
    drop: (name) => say(server.superuserUrl, `drop database if exists ${name} with (force)`),
    settle: (url) => say(url, "vacuum analyze", "checkpoint"),
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
