/** Runs the command line as its users do: as a process, in a folder and with a home of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const MAIN = fileURLToPath(new URL("../../../cli/src/main.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly process: ChildProcess;
  /** What it has written so far. */
  readonly written: () => { readonly out: string; readonly err: string };
  readonly ended: Promise<Ended>;
}

export interface Shell {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly start: (...args: string[]) => Running;
  readonly run: (...args: string[]) => Promise<Ended>;
  readonly leave: () => Promise<void>;
}

export async function openShell(env: Record<string, string> = {}): Promise<Shell> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-cli-"));
  const started: ChildProcess[] = [];
  const all: NodeJS.ProcessEnv = {
    PATH: process.env["PATH"],
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, "config"),
    ...env,
  };
  const start = (...args: string[]): Running => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: folder,
      env: all,
      stdio: ["ignore", "pipe", "pipe"],
    });
    started.push(child);
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, out, err })));
    return { process: child, written: () => ({ out, err }), ended };
  };
  return {
    folder,
    env: all,
    start,
    run: (...args) => start(...args).ended,
    leave: async () => {
      for (const child of started) child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
