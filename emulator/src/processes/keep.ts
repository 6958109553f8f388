/**
 * A child process that is kept alive: started, watched, started again after a crash with growing pauses, and told to leave in
 * the end. It dies with us where the system can promise that (setpriv), so that a kill -9 of ours leaves no orphans.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { backoffDelay } from "@shoal/shared/base/backoff.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { forward, write } from "./output.ts";
import { hasSetpriv } from "./setpriv.ts";

export interface KeepOptions {
  readonly name: string;
  /** A module, run by the Node that runs us. */
  readonly module: string;
  /** The whole environment of the process: nothing of ours is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** How it says that it is ready: a message over IPC, or its first line of output, as JSON. */
  readonly says: "message" | "line";
  /** How long it may take to leave after SIGTERM before it is killed. */
  readonly leaveMs?: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
}

/** `Ready` is what it says when it is ready. */
export interface Kept<Ready> {
  readonly name: string;
  /** What the process at hand has said; `undefined` while it is down or not ready. */
  ready(): Ready | undefined;
  pid(): number | undefined;
  restarts(): number;
  kill9(): void;
  stop(): Promise<void>;
}

const PAUSES = { base: milliseconds(100), factor: 2, cap: seconds(10) };
/** A process that stayed up this long has earned a quick restart. */
const STEADY = seconds(20);
const READY_MS = 60_000;

interface Life<Ready> {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  readonly said: Promise<Ready>;
  ready: Ready | undefined;
}

/** Resolves when the process is ready. Errors: `internal` where it ends before that, the first time. */
export async function keep<Ready>(options: KeepOptions): Promise<Kept<Ready>> {
  const { clock, log } = options;
  const stopping = new AbortController();
  let life = await begin<Ready>(options);
  let restarts = 0;

  const keepAlive = async (): Promise<void> => {
    for (let crashes = 1; ; crashes++) {
      const bornAt = clock.monotonic();
      await life.ended;
      if (stopping.signal.aborted) return;
      const { exitCode, signalCode } = life.child;
      if (clock.monotonic() - bornAt > STEADY) crashes = 1;
      const pause = backoffDelay(PAUSES, crashes, options.random);
      log.warn({ process: options.name, exitCode, signalCode, pauseMs: pause }, "has crashed and will be restarted");
      await clock.sleep(pause, stopping.signal);
      life = launch<Ready>(options, await hasSetpriv());
      restarts++;
      // It may crash before it is ready, which is one more crash.
      await ready(options, life).catch(() => undefined);
    }
  };
  const kept = keepAlive().catch((thrown: unknown) => {
    if (!stopping.signal.aborted) log.error({ process: options.name, err: thrown }, "is no longer watched");
  });

  return {
    name: options.name,
    ready: () => (isUp(life) ? life.ready : undefined),
    pid: () => (isUp(life) ? life.child.pid : undefined),
    restarts: () => restarts,
    kill9: () => void life.child.kill("SIGKILL"),
    stop: async () => {
      stopping.abort(new Error("stopping"));
      life.child.kill("SIGTERM");
      const late = setTimeout(() => life.child.kill("SIGKILL"), options.leaveMs ?? 10_000);
      await life.ended;
      clearTimeout(late);
      await kept;
    },
  };
}

async function begin<Ready>(options: KeepOptions): Promise<Life<Ready>> {
  const life = launch<Ready>(options, await hasSetpriv());
  try {
    await ready(options, life);
    return life;
  } catch (thrown) {
    life.child.kill("SIGKILL");
    throw thrown;
  }
}

function launch<Ready>(options: KeepOptions, canTie: boolean): Life<Ready> {
  const command = [process.execPath, options.module];
  const [file = "", ...args] = canTie ? ["setpriv", "--pdeathsig=KILL", ...command] : command;
  // A session of its own: Ctrl-C in the terminal is ours to handle, in order.
  const child = spawn(file, args, { env: options.env, detached: true, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const log = options.log.child({ process: options.name });
  if (child.stderr !== null) forward(child.stderr, log, "warn");
  const said = options.says === "message" ? saidByMessage<Ready>(child, log) : saidByLine<Ready>(child, log);
  const life: Life<Ready> = { child, ended: once(child, "exit"), said, ready: undefined };
  said.then(
    (value) => (life.ready = value),
    () => undefined,
  );
  return life;
}

function saidByMessage<Ready>(child: ChildProcess, log: Log): Promise<Ready> {
  if (child.stdout !== null) forward(child.stdout, log, "info");
  return new Promise((resolve) => child.once("message", (message) => resolve(message as Ready)));
}

function saidByLine<Ready>(child: ChildProcess, log: Log): Promise<Ready> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return reject(new Error("the process has no output"));
    const lines = createInterface({ input: child.stdout });
    lines.once("line", (first) => {
      lines.on("line", (line) => write(log, line, "info"));
      try {
        resolve(JSON.parse(first) as Ready);
      } catch {
        reject(new Error(`the process said: ${first.slice(0, 200)}`));
      }
    });
  });
}

async function ready<Ready>({ name }: KeepOptions, life: Life<Ready>): Promise<void> {
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), READY_MS);
  const outcome = await Promise.race([
    life.said.then(() => "ready" as const),
    life.ended.then(() => "ended" as const),
    late.promise,
  ]).finally(() => clearTimeout(timer));
  if (outcome === "ready") return;
  const how = life.child.exitCode ?? life.child.signalCode;
  throw new ShoalError(
    "internal",
    outcome === "late" ? `${name} was not ready in time` : `${name} ended as it started (${how}): its log says why`,
  );
}

function isUp(life: Life<unknown>): boolean {
  return life.child.exitCode === null && life.child.signalCode === null;
}
