/**
 * PostgreSQL on this machine, from npm: the real server, nothing installed. Its data lives in one folder and survives
 * restarts. A durable server outlives a parent that was killed and is adopted by the next start; a throw-away one dies with
 * its parent. We start the package's programs ourselves: its own wrapper takes over the process's signals, and holds the
 * server's output in a pipe that breaks when we are killed.
 */
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import { ShoalError, messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { findBinaries, type Binaries } from "./binaries.ts";
import { end, livePostmaster, pause } from "./postmaster.ts";
import { settingsOf } from "./settings.ts";
import { serverUser, type ServerUser } from "./user.ts";

export interface PostgresOptions {
  /** Made where missing; one server per folder. */
  readonly dataDir: string;
  /** 0 picks a free one. An adopted server keeps the port it has. */
  readonly port: number;
  readonly log: Log;
  /** `false` is for throw-away data: nothing is synced to disk, and the server dies with this process. */
  readonly durable: boolean;
  /** Further settings of postgresql.conf, e.g. `{ max_connections: "200" }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Postgres {
  readonly port: number;
  /** Database `postgres`, as the login that owns everything. */
  readonly superuserUrl: string;
  /** Whether the server's process is there. */
  running(): Promise<boolean>;
  /** Clients are disconnected, everything is checkpointed. */
  stop(): Promise<void>;
  readonly faults: {
    /** Ends the server as a power cut of the process would; it stays down until `restart`. */
    kill9(): Promise<void>;
    /** Comes back on the same port, after crash recovery if it was killed. */
    restart(): Promise<void>;
  };
}

const SUPERUSER = "shoal_owner";
const START_MS = 30_000;

interface Server {
  readonly options: PostgresOptions;
  readonly binaries: Binaries;
  readonly user: ServerUser;
  readonly data: string;
  readonly logFile: string;
}

/** Errors: `unavailable`, with a sentence that says why no server can run here or what the server said. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const folder = resolve(options.dataDir);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const data = join(folder, "data");
  const binaries = await findBinaries();
  const user = await serverUser([binaries.postgres, data]);
  const server: Server = { options, binaries, user, data, logFile: join(folder, "postgres.log") };
  const password = await keptPassword(join(folder, "password"));
  const urlOf = (port: number): string => `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`;

  const adopted = await adopt(data, urlOf);
  if (adopted !== undefined) options.log.info({ port: adopted }, "adopted the PostgreSQL server of an earlier run");
  if (adopted === undefined && !(await exists(join(data, "PG_VERSION")))) await initialise(server, password);
  const port = adopted ?? (options.port === 0 ? await freePort() : options.port);
  if (adopted === undefined) await start(server, port, urlOf(port));

  const endWith = async (signal: NodeJS.Signals): Promise<void> => {
    const running = await livePostmaster(data);
    if (running !== undefined) await end(running.pid, signal, 20_000);
  };
  return {
    port,
    superuserUrl: urlOf(port),
    running: async () => (await livePostmaster(data)) !== undefined,
    stop: () => endWith("SIGINT"),
    faults: {
      kill9: () => endWith("SIGKILL"),
      restart: async () => {
        await endWith("SIGINT");
        await start(server, port, urlOf(port));
      },
    },
  };
}

/** Port of a live server of an earlier run; one that does not answer is stopped, since it holds the folder. */
async function adopt(data: string, urlOf: (port: number) => string): Promise<number | undefined> {
  const running = await livePostmaster(data);
  if (running === undefined) return undefined;
  if (await answers(urlOf(running.port))) return running.port;
  await end(running.pid, "SIGQUIT", 10_000);
  return undefined;
}

async function initialise(server: Server, password: string): Promise<void> {
  const { user, data, options } = server;
  // An initdb that was interrupted leaves a folder that neither starts nor can be initialised again.
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { mode: 0o700 });
  await user.own(data);
  const passwordFile = join(data, "..", "password.initdb");
  await writeFile(passwordFile, password, { mode: 0o600 });
  await user.own(passwordFile);
  const args = [`--pgdata=${data}`, `--username=${SUPERUSER}`, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
  args.push("--encoding=UTF8", "--locale=C", ...(options.durable ? [] : ["--no-sync"]));
  const call = user.invoke(server.binaries.initdb, args, true);
  try {
    await promisify(execFile)(call.file, [...call.args], { ...call.options, cwd: "/" });
  } catch (thrown) {
    await rm(data, { recursive: true, force: true });
    throw new ShoalError("unavailable", `PostgreSQL cannot make its data folder ${data}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function start(server: Server, port: number, url: string): Promise<void> {
  for (const until = Date.now() + START_MS; ;) {
    const died = await startOnce(server, port, url);
    if (died === undefined) return;
    // Children of a killed server hold its shared memory for a moment longer.
    if (/pre-existing shared memory|shared memory block/.test(died) && Date.now() < until) await pause(100);
    else throw new ShoalError("unavailable", `PostgreSQL did not start on port ${port}: ${lastLines(died)}`);
  }
}

/** Returns the server's last words where it died. */
async function startOnce(server: Server, port: number, url: string): Promise<string | undefined> {
  const { options, binaries, data } = server;
  const settings = { ...settingsOf(binaries.version, options.durable), ...options.settings };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const output = await open(server.logFile, "w", 0o600);
  const call = server.user.invoke(binaries.postgres, ["-D", data, "-p", String(port), ...flags], !options.durable);
  const child = spawn(call.file, [...call.args], {
    ...call.options,
    cwd: "/",
    // A session of its own: Ctrl-C in the terminal is ours to handle, in order.
    detached: true,
    stdio: ["ignore", output.fd, output.fd],
  });
  child.unref();
  const fate: { ended?: string } = {};
  child.once("error", (thrown) => (fate.ended = messageOf(thrown)));
  child.once("exit", (code, signal) => (fate.ended = `it exited with ${code ?? signal}`));
  await output.close();
  for (const until = Date.now() + START_MS; fate.ended === undefined; await pause(10)) {
    const running = await livePostmaster(data);
    if (running?.isReady === true && running.port === port && (await answers(url))) return undefined;
    if (Date.now() > until) {
      child.kill("SIGKILL");
      return "it did not answer in time";
    }
  }
  // The whole log: a killed server's children still write into it, after what the new one has said.
  const said = (await readFile(server.logFile, "utf8").catch(() => "")).replaceAll("\0", "").trim();
  return said === "" ? fate.ended : said;
}

const lastLines = (text: string): string => text.split("\n").slice(-5).join(" ");

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000, query_timeout: 2000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function keptPassword(path: string): Promise<string> {
  const kept = await readFile(path, "utf8").catch(() => "");
  if (kept !== "") return kept;
  const made = randomBytes(24).toString("base64url");
  await writeFile(path, made, { mode: 0o600 });
  return made;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The server takes no port 0. */
async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
