/**
 * One process of functions, kept alive: started, watched, started again after a crash with growing pauses, and told to leave
 * in the end.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { backoffDelay } from "@shoal/shared/base/backoff.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { forward } from "./output.ts";
import type { Ready } from "./serve.ts";
import { hasSetpriv } from "./setpriv.ts";

export interface GroupOptions {
  readonly name: string;
  readonly targets: readonly string[];
  readonly source: string;
  /** The whole environment of the process: nothing of ours is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Group {
  readonly name: string;
  readonly targets: readonly string[];
  /** `undefined` while the process is down or not ready. */
  portOf(target: string): number | undefined;
  pid(): number | undefined;
  restarts(): number;
  kill9(): void;
  stop(): Promise<void>;
}

const SERVE = fileURLToPath(new URL("./serve.ts", import.meta.url));
const PAUSES = { base: milliseconds(100), factor: 2, cap: seconds(10) };
/** A process that stayed up this long has earned a quick restart. */
const STEADY = seconds(20);
const READY_MS = 60_000;
/** A little more than what the process gives its requests. */
const LEAVE_MS = 10_000;

interface Life {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  ports: Ready["ports"] | undefined;
}

/** Resolves when every target listens. Errors: `internal` where the process ends before that, the first time. */
export async function startGroup(options: GroupOptions): Promise<Group> {
  const { clock, log } = options;
  const stopping = new AbortController();
  let life = await begin(options);
  let restarts = 0;

  const keepAlive = async (): Promise<void> => {
    for (let crashes = 1; ; crashes++) {
      const bornAt = clock.monotonic();
      await life.ended;
      if (stopping.signal.aborted) return;
      const { exitCode, signalCode } = life.child;
      if (clock.monotonic() - bornAt > STEADY) crashes = 1;
      const pause = backoffDelay(PAUSES, crashes, options.random);
      log.warn({ exitCode, signalCode, pauseMs: pause }, "functions have crashed and will be restarted");
      await clock.sleep(pause, stopping.signal);
      life = launch(options, await hasSetpriv());
      restarts++;
      // It may crash before it is ready, which is one more crash.
      await ready(life).catch(() => undefined);
    }
  };
  const kept = keepAlive().catch((thrown: unknown) => {
    if (!stopping.signal.aborted) log.error({ err: thrown }, "functions are no longer watched");
  });

  return {
    name: options.name,
    targets: options.targets,
    portOf: (target) => (isUp(life) ? life.ports?.[target] : undefined),
    pid: () => (isUp(life) ? life.child.pid : undefined),
    restarts: () => restarts,
    kill9: () => void life.child.kill("SIGKILL"),
    stop: async () => {
      stopping.abort(new Error("stopping"));
      life.child.kill("SIGTERM");
      const late = setTimeout(() => life.child.kill("SIGKILL"), LEAVE_MS);
      await life.ended;
      clearTimeout(late);
      await kept;
    },
  };
}

async function begin(options: GroupOptions): Promise<Life> {
  const life = launch(options, await hasSetpriv());
  try {
    await ready(life);
    return life;
  } catch (thrown) {
    life.child.kill("SIGKILL");
    throw thrown;
  }
}

function launch(options: GroupOptions, canTie: boolean): Life {
  const command = [process.execPath, SERVE];
  const [file = "", ...args] = canTie ? ["setpriv", "--pdeathsig=KILL", ...command] : command;
  const child = spawn(file, args, {
    env: { ...options.env, FUNCTIONS_SOURCE: options.source, FUNCTION_TARGETS: options.targets.join(",") },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const log = options.log.child({ group: options.name });
  if (child.stdout !== null) forward(child.stdout, log, "info");
  if (child.stderr !== null) forward(child.stderr, log, "warn");
  const life: Life = { child, ended: once(child, "exit"), ports: undefined };
  child.once("message", (message) => {
    life.ports = (message as Ready).ports;
  });
  return life;
}

async function ready(life: Life): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), READY_MS);
  const told = once(life.child, "message", { signal: late.signal }).then(() => "ready");
  const outcome = await Promise.race([told, life.ended.then(() => "ended")]).catch(() => "late");
  clearTimeout(timer);
  late.abort();
  told.catch(() => undefined);
  if (outcome !== "ready")
    throw new ShoalError(
      "internal",
      outcome === "late"
        ? "the functions' process was not ready in time"
        : `the functions' process ended as it started (${life.child.exitCode ?? life.child.signalCode}): its log says why`,
    );
}

function isUp(life: Life): boolean {
  return life.child.exitCode === null && life.child.signalCode === null;
}
