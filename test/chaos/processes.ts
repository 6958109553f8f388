/** The processes of this machine, as far as chaos is concerned with them: which of them are pods. Linux only. */
import { readdir, readFile, readlink } from "node:fs/promises";

export interface PodProcess {
  readonly pid: number;
  readonly podName: string;
  readonly processorId: string;
}

/** Every process that carries a pod's environment, whoever its parent is: an orphan is among them. */
export async function podProcesses(dataDir: string): Promise<readonly PodProcess[]> {
  const found: PodProcess[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const [environ, command] = await Promise.all([
      readFile(`/proc/${name}/environ`, "utf8").catch(() => ""),
      readFile(`/proc/${name}/cmdline`, "utf8").catch(() => ""),
    ]);
    const variables = new Map(environ.split("\0").map((line) => [line.split("=")[0] ?? "", line] as const));
    const podName = valueOf(variables.get("DORY_POD_NAME"));
    const processorId = valueOf(variables.get("DORY_PROCESSOR_ID"));
    if (podName === "" || processorId === "" || command === "") continue;
    if (!(await isOurs(name, dataDir))) continue;
    found.push({ pid: Number(name), podName, processorId });
  }
  return found;
}

const valueOf = (line: string | undefined): string => line?.slice(line.indexOf("=") + 1) ?? "";

/** Another stack of this machine may have pods too: ours work in our image store. */
async function isOurs(pid: string, dataDir: string): Promise<boolean> {
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => "");
  return cwd.startsWith(dataDir);
}
