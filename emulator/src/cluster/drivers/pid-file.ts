/**
 * What is remembered of a running container on disk, so that a kubelet that was killed finds its processes again. A pid says
 * little, since the system gives it out anew: the process's start time is kept beside it and compared.
 */
import { execFile } from "node:child_process";
import { readFile, rename, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { ContainerIdentity } from "../kubelet/driver.ts";

export interface PidRecord extends ContainerIdentity {
  readonly pid: number;
  /** The system's own text for when the process started. */
  readonly bornAt: string;
  readonly startedAt: number;
  readonly address: string;
  readonly cwd: string;
}

export async function writePidFile(path: string, record: PidRecord): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

export async function readPidFile(path: string): Promise<PidRecord | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as PidRecord;
  } catch {
    return undefined;
  }
}

/** `undefined` where there is no such process (a zombie is none). */
export async function bornAt(pid: number): Promise<string | undefined> {
  if (process.platform !== "linux") return bornAtByPs(pid);
  try {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field is the name in brackets, which may hold anything; counting starts behind it.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

async function bornAtByPs(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", "lstart=", "-p", String(pid)]);
    return stdout.trim() === "" ? undefined : stdout.trim();
  } catch {
    return undefined;
  }
}

export async function isAlive(record: PidRecord): Promise<boolean> {
  return (await bornAt(record.pid)) === record.bornAt;
}

/** Environment of a process that another life of ours started. Kept by the system, so that secrets need not be on disk. */
export async function environmentOfProcess(pid: number): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
  const pairs = text.split("\0").filter((pair) => pair.includes("="));
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
}
