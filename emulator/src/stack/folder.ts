/**
 * The data folder: who uses it, the secrets that are made once, and the file by which the CLI and the tests find the running
 * stack. One stack at a time: a second one is told about the first.
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** `local.json`: what the CLI reads. */
export interface LocalFile {
  readonly pid: number;
  readonly apiUrl: string;
  readonly token: string;
  readonly kubeconfig: string;
  readonly amqpUrl: string;
  readonly issuer: string;
}

export interface LocalSecrets {
  readonly stateToken: string;
  readonly amqpPassword: string;
  readonly managerPassword: string;
  readonly workerPassword: string;
}

/** The running stack that has the folder, or a function that gives the folder free again. */
export async function takeFolder(
  dataDir: string,
): Promise<{ readonly release: () => Promise<void> } | { readonly pid: number }> {
  await makeFolder(dataDir);
  const path = join(dataDir, "stack.pid");
  for (;;) {
    try {
      const file = await open(path, "wx", 0o600);
      await file.writeFile(`${process.pid} ${await bornAt(process.pid)}`);
      await file.close();
      return { release: () => rm(path, { force: true }) };
    } catch (thrown) {
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST")) throw thrown;
    }
    const [pid = "", born = ""] = (await readFile(path, "utf8").catch(() => "")).split(" ");
    // A pid is used again after a restart of the machine: it is ours only if it was born when ours was.
    if (pid !== "" && (await bornAt(Number(pid))) === born && born !== "") return { pid: Number(pid) };
    await rm(path, { force: true });
  }
}

/** Level by level: Node's recursive mkdir hangs where nothing can be made, and hides that a disk is read-only. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o755 });
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || dirname(path) === path || (await exists(dirname(path)))) throw thrown;
    await makeFolder(dirname(path));
    await mkdir(path, { mode: 0o755 });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** When a process began, as the kernel counts it; empty where it does not run. */
async function bornAt(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  if (started !== undefined) return started;
  try {
    process.kill(pid, 0);
    return "alive";
  } catch {
    return "";
  }
}

export async function readLocalFile(dataDir: string): Promise<Partial<LocalFile>> {
  return JSON.parse(await readFile(join(dataDir, "local.json"), "utf8").catch(() => "{}")) as Partial<LocalFile>;
}

export async function writeLocalFile(dataDir: string, content: LocalFile): Promise<void> {
  await writeSafely(join(dataDir, "local.json"), `${JSON.stringify(content, null, 2)}\n`);
}

/** Made once, kept for good: the database and the broker know them. */
export async function keptSecrets(dataDir: string): Promise<LocalSecrets> {
  const path = join(dataDir, "secrets.json");
  const kept = JSON.parse(await readFile(path, "utf8").catch(() => "{}")) as Partial<LocalSecrets>;
  const made = (): string => randomBytes(24).toString("base64url");
  const secrets = {
    stateToken: kept.stateToken ?? made(),
    amqpPassword: kept.amqpPassword ?? made(),
    managerPassword: kept.managerPassword ?? made(),
    workerPassword: kept.workerPassword ?? made(),
  };
  await writeSafely(path, JSON.stringify(secrets));
  return secrets;
}

/** Never half a file, and readable by its owner alone. */
async function writeSafely(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
