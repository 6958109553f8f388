/** `npm start` in a folder of its own, as a user types it, and how long its parts take. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createClient, type Client } from "@shoal/client/index.ts";

const ROOT = resolve(import.meta.dirname, "../../..");

export interface LocalStack {
  readonly pid: number;
  readonly postmaster: number;
  readonly client: Client;
  readonly images: Readonly<Record<string, string>>;
  /** From the command to the first answer of the API. */
  readonly servingMs: number;
  /** From the command to the table that says where everything is. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

export async function startLocalStack(port: number): Promise<LocalStack> {
  const dataDir = mkdtempSync(join(tmpdir(), "shoal-bench-start-"));
  chmodSync(dataDir, 0o755);
  const began = performance.now();
  const child = spawn("npm", ["start"], {
    cwd: ROOT,
    env: { ...process.env, SHOAL_DATA_DIR: dataDir, SHOAL_PORT: String(port) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const serving = await until(child, () => answers(`http://127.0.0.1:${port}/api/v1/openapi.json`));
  const servingMs = serving - began;
  const readyMs = (await until(child, async () => output.includes("Ctrl-C stops everything"))) - began;
  const local = JSON.parse(readFileSync(join(dataDir, "local.json"), "utf8")) as {
    pid: number;
    apiUrl: string;
    token: string;
  };
  const images = Object.fromEntries(
    [...output.matchAll(/image (\S+)\s+(\S+@sha256:[0-9a-f]{64})/g)].map(([, name = "", reference = ""]) => [
      name,
      reference,
    ]),
  );
  return {
    pid: local.pid,
    postmaster: Number(readFileSync(join(dataDir, "postgres/data/postmaster.pid"), "utf8").split("\n")[0]),
    client: createClient({ baseUrl: local.apiUrl, token: local.token }),
    images,
    servingMs,
    readyMs,
    stop: async () => {
      process.kill(local.pid, "SIGINT");
      if (child.exitCode === null) await once(child, "exit");
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function until(child: ChildProcess, check: () => Promise<boolean>): Promise<number> {
  while (!(await check())) {
    if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
  return performance.now();
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    async (response) => {
      await response.arrayBuffer();
      return response.ok;
    },
    () => false,
  );
}
