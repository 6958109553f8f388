/** CPU time from /proc, in milliseconds: a server with all of its children, those that have ended included. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

interface Stat {
  readonly parent: number;
  /** Of the process itself, and of the children it has waited for. */
  readonly own: number;
  readonly ended: number;
}

function statOf(pid: number | string): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command in brackets and may hold anything.
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const at = (index: number): number => ((fields[index] ?? 0) * 1000) / TICKS_PER_SECOND;
    return { parent: fields[1] ?? 0, own: at(11) + at(12), ended: at(13) + at(14) };
  } catch {
    return undefined;
  }
}

export function serverCpuMs(postmaster: number): number {
  const main = statOf(postmaster);
  if (main === undefined) throw new Error(`no process ${postmaster}`);
  let total = main.own + main.ended;
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = statOf(entry);
    if (stat?.parent === postmaster) total += stat.own;
  }
  return total;
}

/** Of one process, all of its threads. */
export function processCpuMs(pid: number): number {
  const stat = statOf(pid);
  if (stat === undefined) throw new Error(`no process ${pid}`);
  return stat.own;
}

/** Of this process. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
