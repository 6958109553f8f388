/**
 * Pods as processes of this machine: one process group per container, on the pod's own loopback address. Output goes through
 * a named pipe that the process itself holds open at both ends, so that a kubelet that dies neither ends it by a broken pipe
 * nor loses what it said meanwhile. Processes die with us by the kernel's doing where `setpriv` is present, unless they are
 * to outlive us (`keep`).
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { access, mkdir, readdir, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Log } from "@shoal/shared/base/log.ts";
import { timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type {
  ContainerIdentity,
  ExecSession,
  Exit,
  PodDriver,
  RunningContainer,
  StartRequest,
} from "../kubelet/driver.ts";
import { openLog, removeLog, type LogFile } from "../kubelet/log-file.ts";
import { addressPool, type AddressPool } from "./addresses.ts";
import { exitOf, wordsOf, type HostTools } from "./command.ts";
import { bornAt, environmentOfProcess, isAlive, readPidFile, writePidFile, type PidRecord } from "./pid-file.ts";

export interface ProcessDriverInit {
  readonly dataDir: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Processes outlive this one, to be adopted by the next. */
  readonly keep: boolean;
}

/** Logs of this many former lives are kept for `logs --previous`. */
const LIVES_KEPT = 1;

/** How long output may still arrive after the process itself has ended. */
const DRAIN_MS = 500;

/** An adopted process is no child of ours: the end of its output tells, and this look makes sure. */
const ADOPTED_LOOK_MS = 5_000;
const ADOPTED_CLOSING_MS = 100;

interface Driver {
  readonly init: ProcessDriverInit;
  readonly root: string;
  readonly tools: HostTools;
  readonly addresses: AddressPool;
}

export async function processDriver(init: ProcessDriverInit): Promise<PodDriver> {
  const root = join(init.dataDir, "pods");
  await mkdir(root, { recursive: true });
  const tools = { node: process.execPath, setpriv: await findTool("setpriv") };
  const driver: Driver = { init, root, tools, addresses: addressPool(init.dataDir) };
  return {
    logPath: (identity) => pathsOf(driver, identity).log,
    addressFor: async (uid, ports) => driver.addresses.take(uid, ports),
    forget: async (uid) => {
      driver.addresses.release(uid);
      await rm(join(root, uid), { recursive: true, force: true });
    },
    forgetOthers: async (podUids) => {
      for (const uid of await readdir(root)) {
        if (!podUids.has(uid)) await rm(join(root, uid), { recursive: true, force: true });
      }
    },
    start: async (request) => start(driver, request),
    recover: async () => recover(driver),
  };
}

function pathsOf(driver: Driver, identity: ContainerIdentity) {
  const folder = join(driver.root, identity.podUid, identity.container);
  return {
    folder,
    pipe: join(folder, "output"),
    pid: join(folder, "process.json"),
    log: join(folder, `${identity.attempt}.log`),
  };
}

async function start(driver: Driver, request: StartRequest): Promise<RunningContainer> {
  const { init, tools } = driver;
  const at = pathsOf(driver, request);
  await mkdir(at.folder, { recursive: true });
  await removeLog(pathsOf(driver, { ...request, attempt: request.attempt - LIVES_KEPT - 1 }).log);
  const output = await openOutput(at.pipe, at.log, init.clock);
  const child = await spawnChild(request, tools, output.writeEnd, !init.keep).catch(async (thrown: unknown) => {
    await output.end();
    throw thrown;
  });
  const pid = child.pid ?? 0;
  const { podUid, container, attempt, cwd, env } = request;
  const startedAt = init.clock.now();
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => {
      // A container ends with its first process: what that one left behind goes too.
      signalGroup(pid, "SIGKILL");
      void output.end().then(async () => {
        await rm(at.pid, { force: true });
        resolve(exitOf(code, signal, output.log.tail(), init.clock.now()));
      });
    });
  });
  const address = await driver.addresses.take(podUid, []);
  const record = { podUid, container, attempt, pid, bornAt: (await bornAt(pid)) ?? "", startedAt, address, cwd };
  await writePidFile(at.pid, record);
  output.letGo();
  return handleOf(record, env, output.log, exited, tools);
}

async function recover(driver: Driver): Promise<readonly RunningContainer[]> {
  const found: RunningContainer[] = [];
  for (const record of await records(driver.root)) {
    const at = pathsOf(driver, record);
    if (!(await isAlive(record))) {
      await rm(at.pid, { force: true });
      continue;
    }
    driver.addresses.hold(record.podUid, record.address);
    const output = await openOutput(at.pipe, at.log, driver.init.clock);
    output.letGo();
    const exited = watchAdopted(record, output, at.pid, driver.init.clock);
    found.push(handleOf(record, await environmentOfProcess(record.pid), output.log, exited, driver.tools));
  }
  return found;
}

async function findTool(name: string): Promise<string | undefined> {
  if (process.platform !== "linux") return undefined;
  for (const folder of (process.env["PATH"] ?? "/usr/bin").split(":")) {
    const path = join(folder, name);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}

async function records(root: string): Promise<readonly PidRecord[]> {
  const found: PidRecord[] = [];
  for (const pod of await readdir(root)) {
    for (const container of await readdir(join(root, pod)).catch(() => [])) {
      const record = await readPidFile(join(root, pod, container, "process.json"));
      if (record !== undefined) found.push(record);
    }
  }
  return found;
}

interface Output {
  readonly log: LogFile;
  /** For the child; closed by `letGo` once it has its own. */
  readonly writeEnd: number;
  letGo(): void;
  /** Every writer has closed the pipe: the process and its children have ended. */
  readonly drained: Promise<void>;
  /** Takes what still comes, then closes the log. */
  end(): Promise<void>;
}

async function openOutput(pipe: string, logPath: string, clock: Clock): Promise<Output> {
  await promisify(execFile)("mkfifo", ["-m", "600", pipe]).catch(() => undefined);
  const log = openLog(logPath, () => clock.now());
  // Read and write: opening does not wait for the other side, and a writer always has a reader. It blocks, since few
  // programs expect otherwise of their output. Plain descriptors: both are given away.
  const write = openSync(pipe, constants.O_RDWR);
  const read = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd: read, readable: true, writable: false });
  socket.on("data", (chunk: Buffer) => {
    if (log.write(chunk)) return;
    socket.pause();
    void log.flushed().then(() => socket.resume());
  });
  socket.on("error", () => socket.destroy());
  const drained = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  let held = true;
  const letGo = (): void => {
    if (held) closeSync(write);
    held = false;
  };
  return {
    log,
    writeEnd: write,
    letGo,
    drained,
    end: async () => {
      letGo();
      const timer = setTimeout(() => socket.destroy(), DRAIN_MS);
      await drained;
      clearTimeout(timer);
      await log.close();
    },
  };
}

async function spawnChild(
  request: StartRequest,
  tools: HostTools,
  output: number,
  dieWithUs: boolean,
): Promise<ChildProcess> {
  const [program = "", ...args] = wordsOf(request.command, request.memoryLimitMiB, tools, dieWithUs);
  if (program === "") throw new Error("the container has no command");
  const child = spawn(program, args, {
    cwd: request.cwd,
    env: processEnv(request.env),
    stdio: ["ignore", output, output],
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return child;
}

/** Of our own environment a container gets only what programs need to find each other: the rest may hold secrets. */
function processEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of ["PATH", "HOME", "LANG", "TMPDIR"]) {
    const value = process.env[name];
    if (value !== undefined) passed[name] = value;
  }
  return { ...passed, ...env };
}

async function watchAdopted(record: PidRecord, output: Output, pidFile: string, clock: Clock): Promise<Exit> {
  let look: NodeJS.Timeout | undefined;
  let silent = false;
  const gone = new Promise<void>((resolve) => {
    const check = (): void => {
      clearTimeout(look);
      void isAlive(record).then((alive) => {
        // Files are closed a moment before a process is gone.
        if (alive) look = setTimeout(check, silent ? ADOPTED_CLOSING_MS : ADOPTED_LOOK_MS);
        else resolve();
      });
    };
    void output.drained.then(() => {
      silent = true;
      check();
    });
    check();
  });
  await gone;
  clearTimeout(look);
  await output.end();
  await rm(pidFile, { force: true });
  // Nobody but its parent learns how a process ended.
  return {
    exitCode: 137,
    signal: undefined,
    reason: "ContainerStatusUnknown",
    message: "The container could not be located when it ended",
    finishedAt: clock.now(),
  };
}

function handleOf(
  record: PidRecord,
  env: Readonly<Record<string, string>>,
  log: LogFile,
  exited: Promise<Exit>,
  tools: HostTools,
): RunningContainer {
  let over = false;
  void exited.then(() => (over = true));
  return {
    podUid: record.podUid,
    container: record.container,
    attempt: record.attempt,
    id: `process://${record.pid}-${record.bornAt}`,
    startedAt: timestamp(record.startedAt),
    log,
    exited,
    kill: (signal) => {
      if (!over) signalGroup(record.pid, signal);
    },
    exec: (command, options) => execIn(record.cwd, env, command, options, tools),
  };
}

/** To every process of the container. */
function signalGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Ended already.
  }
}

function execIn(
  cwd: string,
  env: Readonly<Record<string, string>>,
  command: readonly string[],
  options: { readonly stdin: boolean },
  tools: HostTools,
): ExecSession {
  const [program = "", ...args] = wordsOf(command, undefined, tools, true);
  const child = spawn(program, args, {
    cwd,
    env: processEnv(env),
    stdio: [options.stdin ? "pipe" : "ignore", "pipe", "pipe"],
    detached: true,
  });
  const exited = new Promise<number>((resolve) => {
    // "close", not "exit": the output has been read by then. 126: it could not be run at all.
    child.once("close", (code, signal) => resolve(exitOf(code, signal, "", 0).exitCode));
    child.once("error", () => resolve(126));
  });
  const { stdin, stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("the command has no output");
  return {
    stdin: stdin ?? undefined,
    stdout,
    stderr,
    exited,
    kill: () => {
      if (child.pid !== undefined && child.exitCode === null) signalGroup(child.pid, "SIGKILL");
    },
  };
}
