/** A process and all that it has started, by /proc: their memory, their CPU time, and what they were started with. Linux only. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly cpuMs: number;
}

function entries(): readonly Entry[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const text = read(`/proc/${name}/stat`);
    if (text === "") return [];
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const cpuMs = (((fields[11] ?? 0) + (fields[12] ?? 0)) * 1000) / TICKS_PER_SECOND;
    return [{ pid: Number(name), parent: fields[1] ?? 0, cpuMs }];
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** `root` and its descendants; `extra` are further roots, such as a server that has made itself independent. */
function family(roots: readonly number[]): readonly Entry[] {
  const all = entries();
  const wanted = new Set(roots);
  for (let grew = true; grew;) {
    grew = false;
    for (const { pid, parent } of all) {
      if (wanted.has(pid) || !wanted.has(parent)) continue;
      wanted.add(pid);
      grew = true;
    }
  }
  return all.filter(({ pid }) => wanted.has(pid));
}

/** Sum of the processes' proportional memory: pages that several share count once. */
export function memoryMb(roots: readonly number[]): number {
  const kilobytes = family(roots).map(({ pid }) =>
    Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0),
  );
  return kilobytes.reduce((sum, each) => sum + each, 0) / 1024;
}

export function familyCpuMs(roots: readonly number[]): number {
  return family(roots).reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

/** Environment of the first descendant that has all of these variables. */
export function environmentWith(root: number, names: readonly string[]): Record<string, string> | undefined {
  for (const { pid } of family([root])) {
    const pairs = read(`/proc/${pid}/environ`)
      .split("\0")
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const);
    const found = Object.fromEntries(pairs);
    if (names.every((name) => name in found)) return found;
  }
  return undefined;
}
