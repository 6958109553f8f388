/**
 * The server's main process as the data folder knows it: `postmaster.pid` holds pid, folder, start time, port, socket
 * folder, address, shared memory and state, a line each. A pid is given out anew sooner or later, so it counts only where
 * the process's own command line names the folder.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly isReady: boolean;
}

/** The live server of `data`, if there is one. */
export async function livePostmaster(data: string): Promise<Postmaster | undefined> {
  const lines = (await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return undefined;
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => undefined);
  if (command !== undefined && !command.split("\0").includes(data)) return undefined;
  return { pid, port: Number(lines[3]), isReady: lines[7]?.trim() === "ready" };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Sends `signal` and waits until the process is gone; what has not gone within `withinMs` is killed. */
export async function end(pid: number, signal: NodeJS.Signals, withinMs: number): Promise<void> {
  signalTo(pid, signal);
  for (const until = Date.now() + withinMs; isAlive(pid) && Date.now() < until;) await pause(10);
  if (!isAlive(pid)) return;
  signalTo(pid, "SIGKILL");
  for (const until = Date.now() + 5000; isAlive(pid) && Date.now() < until;) await pause(10);
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It went by itself meanwhile, which is what was wanted.
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
