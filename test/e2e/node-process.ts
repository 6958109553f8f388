/** A node as its owner runs it: a process of the command line, in a folder of its own; and the other commands against it. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { ROOT } from "../tidy/tree.ts";

const CLI = join(ROOT, "cli/src/main.ts");
const PASSWORD = "correct horse battery";

export interface NodeProcess {
  readonly url: string;
  /** SIGKILL, and it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  end(): Promise<number | null>;
}

export interface OwnNode {
  readonly folder: string;
  start(): Promise<NodeProcess>;
  /** A command of the command line; its standard output without the last line end. Rejects where it fails. */
  shoal(...args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

/** Makes a node with an administrator, who is signed in after the first start. */
export async function ownNode(): Promise<OwnNode> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-node-"));
  const env = { ...process.env, XDG_CONFIG_HOME: join(folder, "config"), SHOAL_NODE_PASSWORD: PASSWORD };
  const shoal = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...args], { env, cwd: folder });
    return stdout.trimEnd();
  };
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, PASSWORD, { mode: 0o600 });
  const place = ["--home", join(folder, "nodes"), "--node", "mine"];
  const options = "--server-host 127.0.0.1 --server-port 0 --auth-mode embedded --admin-user owner".split(" ");
  await shoal("node", "init", ...place, ...options, "--admin-password-file", passwordFile);
  let isSignedIn = false;
  return {
    folder,
    shoal,
    async start() {
      const args = [CLI, "node", "run", ...place, "--output", "json", "--log-level", "warn"];
      const child = spawn(process.execPath, args, { env, cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
      const url = await readyUrl(child);
      await shoal("node", "add", "mine", url);
      // Tokens belong to an address, and every start has another port.
      await shoal("auth", "login", "--username", "owner", "--as", "mine", "--api", url);
      isSignedIn = true;
      return {
        url,
        async kill() {
          child.kill("SIGKILL");
          await once(child, "exit");
        },
        async end() {
          child.kill("SIGTERM");
          const [code] = (await once(child, "exit")) as [number | null];
          return code;
        },
      };
    },
    async remove() {
      if (isSignedIn) await shoal("auth", "logout");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function readyUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("the node's output is not read");
  for await (const line of createInterface({ input: child.stdout })) {
    const { urls } = JSON.parse(line) as { readonly urls?: readonly string[] };
    const [url] = urls ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`the node ended before it was ready: ${String(child.exitCode)}`);
}
